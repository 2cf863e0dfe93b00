"""Evaluation: how good is a network, and what are its layers and feature maps?

Public: `metrics`, `predicting`, `inspection`, `selection`.
"""
