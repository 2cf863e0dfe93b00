"""Image data: found, decoded once, split and fingerprinted."""
