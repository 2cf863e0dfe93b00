"""Winner: which trial won, and how good is its model on test images?

Public: `measure.measure_winner`.
"""
