"""One file for each task of a user."""
