"""Classifier: how good is one classifier?

Public: `classification`, `per_class`, `intervals`, `on_test`, `calibration`, `mistakes`, `side_by_side`, `learning`.
"""
