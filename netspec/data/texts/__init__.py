"""Texts that people bring, as arrays of tokens."""
