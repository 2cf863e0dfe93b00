"""Files: how are they written as a whole, and checked when they are read?

Public: `atomic`, `predictions`, `checkpoints`, `history`, `cache`.
"""
