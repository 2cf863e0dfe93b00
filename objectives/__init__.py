"""Objectives: how is one recipe trained and measured?

Public: `messages` (records exchanged with the driver), `devices` (threads and GPUs of a worker), and the folders
`training`, `features`, `networks`, `evaluation`, `files` and `data`.
"""
