"""Stored: what is stored of a run?

Public: `read.read_run`, `records`.
"""
