"""Tensor cores: output tiles dealt to cores, the reduction in steps, sparsity skipped within a step."""
