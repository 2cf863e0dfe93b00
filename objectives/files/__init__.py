"""Files: written atomically, read with care.

Public: `atomic`, `predictions`, `checkpoints`, `cache`.
"""
