"""Study: what does Optuna know, and what does it suggest next?

Public: `opening` (a run's study, ready to search), `stored` (the study in its database), `study`
(the study itself), and `own_values` (what `--enqueue` gives).
"""
