"""Networks as text for people."""
