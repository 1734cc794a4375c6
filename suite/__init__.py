"""Measures what batch normalization buys and costs; knows nothing of claims."""

__version__ = "0.1.0"
