"""Recording the matrix products of a running PyTorch network; the modules of this folder import torch."""
