"""Back ends: each knows the operations, never a layer."""
