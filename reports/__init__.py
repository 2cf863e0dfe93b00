"""Reports: what did the search find? Reads stored results alone.

Public: `wording`, and one folder for each step from stored files to pages.
"""
