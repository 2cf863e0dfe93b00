"""Folders: which images with which labels lie in a folder or a CSV file?

Public: `index`, `layout`, `tree` and `label_table` (CSV files).
"""
