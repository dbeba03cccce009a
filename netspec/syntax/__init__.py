"""Floor 1: text to AST (`parser`), AST to text (`printer`). Nothing here knows what a layer is."""
