"""Checks: is a dataset fit for a search?

Public: `check`, `inspect`, `text`.
"""
