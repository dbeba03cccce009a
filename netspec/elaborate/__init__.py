"""AST to Network."""
