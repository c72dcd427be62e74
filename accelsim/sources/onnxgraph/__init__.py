"""Read ONNX models, run them in onnxruntime with every operand exposed, and bring their products to normal form."""
