"""Findings: what did the study show?

Public: `findings`, `answer`, `comparison`.
"""
