"""Sources: where do datasets come from?

Public: `finding`, `catalogue`, `arrays`.
"""
