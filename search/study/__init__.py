"""Study: what does Optuna know, and what does it suggest next?

Public: `opening.study_for`, `study.Study`.
"""
