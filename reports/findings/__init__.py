"""Findings: what did the study show?

Public: `findings`, `answer`, `comparison`; `effects`, `grid`, `procedure` and `trials_table` are shown as they are.
"""
