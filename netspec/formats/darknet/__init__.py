"""Networks of Darknet."""
