"""Command line and notebook: what may be typed, and what is printed?

Public: `app` (the commands), `notebook.run`.
"""
