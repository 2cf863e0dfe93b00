"""Stored: what is stored of a run?

Public: `read.read_run` and `run.Run`, `records`, `outcome`, `confirmation`, `for_the_record`, `ensemble`,
`expected_gain`, `layout` (names of files), `files`, `study_copy`.
"""
