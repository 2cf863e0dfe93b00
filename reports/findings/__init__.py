"""Findings: what did the study show?

Public: `findings`, `answer`, `comparison`; `confirmed`, `effects`, `grid`, `paired`, `procedure`,
`trials_table` are used directly.
"""
