"""Export: what goes with the model?

Public: `keras_script`, `model_card`.
"""
