"""Lease: which process owns a study?

Public: `folder_lock.lease`, `server_lock.server_lease`.
"""
