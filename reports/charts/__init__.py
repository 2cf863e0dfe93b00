"""Charts: how is a value drawn?

Public: `spec` (charts as values), `plotly` and `svg` (what draws them); `trials`, `parameters`, `classes` and `grid`
make them from findings.
"""
