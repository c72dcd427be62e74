"""Weight sharing without retraining: which layers may share their weights among how many values.

`candidates`: the optimal values of each layer; `rate`: what is stored; `predictor`: loss from distortion; `nsga`: the
search; `explore`: all of it on a network; `export`: codebooks and indices on disk; `machine`: the effect on hardware.
"""
