"""Read TFLite models, run them in the TFLite runtime with every tensor kept, and bring their products to normal form."""
