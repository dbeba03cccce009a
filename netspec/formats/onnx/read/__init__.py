"""Models in ONNX, read as layers."""
