"""Workers on Ray, on one machine or on a cluster.

Public: `start.open_workers`, `session.RaySession`, `workers.RayWorkers`.
"""
