"""Classifier: how good is one classifier?

Public: `per_class`, `intervals`, `calibration`, `mistakes`, `side_by_side`, `learning`.
"""
