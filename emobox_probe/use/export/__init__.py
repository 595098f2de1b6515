"""Classifiers in the forms of others: a folder for `transformers`, a graph for ONNX Runtime, a page."""
