"""Small mistakes put into the package on purpose, and the tests that are to notice them."""
