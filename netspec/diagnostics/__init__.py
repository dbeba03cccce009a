"""Mistakes: where they are, what they are called, how they are shown."""
