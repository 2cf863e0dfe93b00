"""Search spaces: what may be chosen. Standard library only."""
