"""Workers: who trains?

Public: `protocol` (requests, replies, events), `start.open_workers`, `stalls`, `devices`,
`placement` (shares of processors and GPUs). Kinds: `search.worker_kinds`.
"""
