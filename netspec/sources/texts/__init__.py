"""Texts as data: read, divided, and cut into tokens."""
