"""A page on which a spec is typed, trained and tried."""
