"""Workers: who trains?

Public: `protocol` (requests, replies, events), `start.open_workers`, `stalls`, `devices`. Kinds: `search.worker_kinds`.
"""
