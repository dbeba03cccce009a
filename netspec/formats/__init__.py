"""Models of other programs: one folder a format."""
