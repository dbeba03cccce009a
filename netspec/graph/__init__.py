"""Network to Graph, and what must hold for both."""
