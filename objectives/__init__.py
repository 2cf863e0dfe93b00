"""Objectives: how is one recipe trained and measured?

Public: `messages` (records exchanged with the driver), `devices` (threads and GPUs of a worker), `device_report` (what
the backend computes on), `gpus` (what the driver reports of them),
`keras_settings` (what Keras takes from the environment), and the folders
`training`, `features`, `networks`, `evaluation`, `files` and `data`.
"""
