"""Workers: who trains?

Public: `protocol` (what workers do and report), `start.executor`.
"""
