"""Dashboard: what does Optuna's dashboard show of a study?

Public: `server`, `artifacts`, `figures`.
"""
