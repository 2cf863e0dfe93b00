"""Pages: what does the reader see?

Public: `page`, `comparison`.
"""
