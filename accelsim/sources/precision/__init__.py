"""A network run with fewer bits in the operands of each layer; what a search for precisions needs of torch."""
