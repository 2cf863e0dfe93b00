"""Folders: which images with which labels lie in a folder or a CSV file?

Public: `index`, `layout`, `tree`, `label_table` (CSV files) and `given` (parts as `--parts` names them).
"""
