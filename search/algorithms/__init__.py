"""Algorithms: which choice is tried next, and which trial is stopped early?

Public: `samplers`, `pruners` (one entry per name), `grid` (grids and designed experiments), `tpe`, `nearby`, `history`.
Names and help lines are readable without importing NumPy or Optuna.
"""
