"""Trainings: what do workers train, from which checkpoint, within which limits?

Public: `parts.SearchParts`, which the search and the steps after it share; `trainings.Trainings` and `active`;
`checkpoints`, `kept_models`, `limits`.
"""
