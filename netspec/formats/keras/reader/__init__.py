"""Models that Keras saved."""
