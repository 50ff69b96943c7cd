"""Texts and pictures to features, by public networks in ONNX files."""
