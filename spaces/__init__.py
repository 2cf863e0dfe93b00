"""Spaces: what may be chosen? Imports the standard library only.

Public: `recipe` (all that a space is written with) and `transfer` (pretrained networks), `suggest` (what a space
chooses with), `space` and `catalogue` (finding one), `networks`, `parameters`, `backbones`, `digest`, `records`
and `errors`.
"""
