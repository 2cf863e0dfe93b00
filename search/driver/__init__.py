"""Driver: what happens next, and when does it end?

Public: `run.run_search`, `fork`, `ensembles`.
"""
