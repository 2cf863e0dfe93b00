"""Study: what does Optuna know, and what does it suggest next?

Public: `opening` (a run's study, ready to search), `stored` (the study in its database), and `study`
(the study itself).
"""
