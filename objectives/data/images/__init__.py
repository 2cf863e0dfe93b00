"""Images: how does a file become pixels?

Public: `decoding`, `pixels`.
"""
