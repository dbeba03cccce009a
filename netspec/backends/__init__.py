"""Floor 5: the back ends. Each one only has to know the operations, never a layer."""
