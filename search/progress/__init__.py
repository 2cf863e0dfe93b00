"""Progress: what does the terminal show while a search runs?

Public: `protocol.Progress`, `display.open_progress`, `log.logged`.
"""
