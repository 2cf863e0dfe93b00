"""Workers on Ray, on one machine or on a cluster.

Public: `session.RaySession`, `workers.RayWorkers`.
"""
