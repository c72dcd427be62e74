"""Real trained networks of the shared folder: inputs, scores and what must hold of them."""
