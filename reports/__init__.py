"""Reports: what the search found, from stored results alone."""
