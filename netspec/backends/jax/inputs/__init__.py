"""Examples on their way to the first layer."""
