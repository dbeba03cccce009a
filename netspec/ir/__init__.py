"""The Network: what a user declared; to and from JSON and text."""
