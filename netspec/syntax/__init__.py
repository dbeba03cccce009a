"""Text to AST and back; nothing here knows what a layer is."""
