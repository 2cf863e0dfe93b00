"""Results: what is in a run folder, and what is made of it?

Public: `run_folder.RunFolder`, `status`, `summary`, `ending`, `report`, `model_files`, `export`, `predict`,
`places`, `stagnation`, `backbone_images`.
"""
