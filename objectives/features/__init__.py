"""Features: what is a training fed where a part of its network is frozen?

Public: `shared` (the inputs of a training), `store` (features on disk).
"""
