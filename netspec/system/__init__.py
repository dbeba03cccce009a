"""Files, threads and cache folders of this machine."""
