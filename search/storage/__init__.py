"""Storage: where is the study kept?

Public: `database` (opens it), `errors`, `retry` (saves while it may be away), `url`, `write_behind`.
"""
