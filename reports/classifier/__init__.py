"""Classifier: how good is one classifier?

Public: `classification`, `per_class`, `intervals`, `calibration`, `mistakes`, `side_by_side`, `learning`.
"""
