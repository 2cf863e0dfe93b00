"""Training: how is one network trained?

Public: `training.Training`.
"""
