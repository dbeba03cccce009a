"""What a user's data is, found out without NumPy: the shapes, tokens and classes that a network takes from it."""
