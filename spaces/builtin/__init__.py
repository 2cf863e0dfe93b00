"""The spaces that ship with Tamiz, one module each."""
