"""Storage: where is the study kept?

Public: `database.study_storage`, `url`, `write_behind`.
"""
