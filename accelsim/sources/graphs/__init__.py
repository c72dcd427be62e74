"""What sources of operator graphs (ONNX, TFLite) share: products in normal form, outputs, formats, codes; no torch."""
