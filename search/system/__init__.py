"""System: what may the machine do to a search? Signals, captured output, full disks.

Public: `signals.StopRequest`, `disk`, `output_capture`.
"""
