"""How a nameable thing declares its arguments."""
