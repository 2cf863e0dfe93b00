"""Winner: which trial won, and how good is its model on test images?

Public: `finish.finish`, the steps after the search; `share`, the time that they need; `measure.measure_winner`;
`ensemble.make_ensemble`; `refit`.
"""
