"""Whether a space still offers the choices that the trials of a study had."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import optuna

from spaces.errors import StudyConflictError
from spaces.parameters import Parameter


def refuse_changed_choices(study: optuna.Study, parameters: Sequence[Parameter]) -> None:
    """Refuse a study whose trials had other choices: neither samplers nor a report can compare them with new ones."""
    offered = {one.name: one.choices for one in parameters if one.choices is not None}
    for trial in study.get_trials(deepcopy=False):
        for name, distribution in trial.distributions.items():
            were = getattr(distribution, "choices", None)
            if name in offered and were is not None and tuple(were) != tuple(offered[name]):
                raise StudyConflictError(
                    f"study '{study.study_name}' was created when its space offered {_listed(were)} for {name}; "
                    f"now it offers {_listed(offered[name])}. Choose another --study, or --fork NEW where choices were "
                    "only added"
                )


def _listed(choices: Iterable[object]) -> str:
    return ", ".join(map(str, choices))
