"""Tables as data: read, looked at, and fitted to, without NumPy."""
