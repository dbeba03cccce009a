"""What the formats that are Python programs share."""
