"""Images: how does a file become pixels?

Public: `decoding`, `pixels`, `ranges` (what pixel values mean) and `facts` (values and digests of each image).
"""
