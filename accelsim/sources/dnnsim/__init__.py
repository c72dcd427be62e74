"""DNNsim's folders of NumPy arrays: the model file, the arrays, and how their numbers become codes. No torch."""
