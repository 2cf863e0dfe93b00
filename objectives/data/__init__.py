"""Data: which images are there, and which of them train, validate and test?

Public: `loading.load` and `splitting.split`, `records`, `directories`, `from_files` (folders and CSV files).
"""
