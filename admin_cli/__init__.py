"""servicemap-admin: the registry's command line, the first client of its API."""
