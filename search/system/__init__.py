"""System: what may the machine do to a search? Signals, captured output, full disks, outages.

Public: `signals.StopRequest`, `disk`, `outage`, `clock`, `environment`, `output_capture`,
`own_packages`.
"""
