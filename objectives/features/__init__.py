"""Features: what a frozen part makes of images, computed once.

Public: `shared`, `store`.
"""
