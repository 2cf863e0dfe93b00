"""Evaluation: how good is a network, and what does it do inside?

Public: `metrics`, `predicting`, `inspection`.
"""
