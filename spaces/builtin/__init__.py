"""Which spaces ship with Tamiz? Each module here is one, found by its name."""
