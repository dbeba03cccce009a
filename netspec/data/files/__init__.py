"""Pictures and sounds that people bring, decoded to arrays."""
