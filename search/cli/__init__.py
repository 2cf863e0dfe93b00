"""Command line and notebook: what may be typed, and what is printed?

Public: `app` (the commands; their bodies are in `run`, `show` and `export`), `notebook.run`, `output`.
"""
