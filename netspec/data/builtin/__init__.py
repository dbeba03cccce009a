"""The datasets that have a name: found on this machine or fetched, and the digits that are bundled."""
