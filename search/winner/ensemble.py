"""An ensemble: the kept models of a study whose mean predicts the validation images best, as one model."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from objectives.devices import prepare
from objectives.evaluation.metrics import measure
from objectives.evaluation.selection import selected
from objectives.files import predictions as stored_predictions
from objectives.files.atomic import write_whole
from objectives.messages import Examples, Predictions
from reports.stored import layout
from reports.stored.ensemble import EnsembleRecord
from reports.stored.outcome import rank
from reports.stored.records import Member, RunRecord, TrialRecord, schema
from reports.wording import count
from search.results.model_files import card_of
from search.results.run_folder import RunFolder
from search.trainings.kept_models import MOST_RECIPES
from search.winner.measure import measurement_of
from spaces.errors import RecordError, StorageError, UsageError, first_line
from spaces.records import to_plain


@dataclass(frozen=True, kw_only=True, eq=False)
class _Kept:
    """A trial whose model can be used."""

    trial: int
    model: object
    """As Keras loads it."""
    predictions: Predictions
    """On the validation images."""


def make_ensemble(
    folder: RunFolder, record: RunRecord, *, size: int, test: Examples, note: Callable[[str], None]
) -> EnsembleRecord | None:
    """Choose among the kept models of a study by the validation images, write their mean, and measure it.

    Args:
        folder: the study's; what defines its networks' types must have been imported.
        record: of the study.
        size: how many models to put together at most, one that counts twice as two.
        test: the test images.
        note: where a model is named that can't be used.

    Returns:
        What was written; None: no mean of these models is better than the best of them alone.

    Raises:
        UsageError: fewer than two models can be used.
        StorageError: the folder can't be written.
    """
    prepare(threads=None, gpu=True)  # before Keras is imported
    from objectives.evaluation import predicting
    from objectives.training import keras_state

    kept = _usable(folder, record, note)
    if len(kept) < 2:
        raise UsageError(
            f"study '{record.study}' has {count(len(kept), 'model')} that can be used: expected at least 2.\n"
            "The models of its best few recipes are kept; more --trials find more recipes."
        )
    labels = kept[0].predictions.labels
    chosen = selected([one.predictions.probabilities for one in kept], labels, most=size)
    if len(set(chosen)) == 1:
        return None
    ordered = Counter(chosen).most_common()
    members = tuple(Member(trial=kept[place].trial, count=times) for place, times in ordered)
    models = {f"trial_{kept[place].trial}": kept[place].model for place, _ in ordered}
    model = keras_state.saved(predicting.averaged(models, [f"trial_{kept[place].trial}" for place in chosen]))
    mean = np.mean([kept[place].predictions.probabilities for place in chosen], axis=0)
    found = EnsembleRecord(
        schema=schema,
        members=members,
        metric=record.metric,
        score=measure(mean, labels)[record.metric],
        test=measurement_of(members[0].trial, predicting.predict(model, test), metric=record.metric),
    )
    _write(folder, record, found, model)
    return found


def _usable(folder: RunFolder, record: RunRecord, note: Callable[[str], None]) -> list[_Kept]:
    """Return the best trial of each of the best recipes, as far as its model and predictions are whole."""
    from objectives.evaluation import predicting

    found: list[_Kept] = []
    for trial in _best_recipes(folder, record):
        place = folder.trial(trial.trial)
        try:
            if (model := folder.read_model(trial.trial)) is None:
                raise RecordError(f"{place / layout.MODEL} is missing")
            predictions = stored_predictions.load(place / layout.PREDICTIONS)
            if found and predictions.labels.tolist() != found[0].predictions.labels.tolist():
                raise RecordError(f"{place / layout.PREDICTIONS} is of other images than trial {found[0].trial}'s")
            loaded = predicting.load_model(model)
        except Exception as error:  # a damaged model raises whatever zipfile, json, h5py and Keras like
            why = (
                str(error) if isinstance(error, RecordError) else f"its model is damaged: {first_line(error, most=120)}"
            )
            note(f"trial {trial.trial} is left out: {why}")
            continue
        found.append(_Kept(trial=trial.trial, model=loaded, predictions=predictions))
    return found


def _best_recipes(folder: RunFolder, record: RunRecord) -> list[TrialRecord]:
    best: dict[str, TrialRecord] = {}
    for trial in rank(folder.read_trials(), record.direction):
        best.setdefault(json.dumps(to_plain(trial.params), sort_keys=True), trial)
    return [*best.values()][:MOST_RECIPES]


def _write(folder: RunFolder, record: RunRecord, found: EnsembleRecord, model: bytes) -> None:
    place = folder.path / layout.ENSEMBLE
    card = replace(card_of(record, found.members[0].trial, model), members=found.members)
    try:
        place.mkdir(exist_ok=True)
        (place / layout.MEMBERS).unlink(missing_ok=True)  # comes last: where it is, the rest is
        write_whole(place / layout.MODEL, model)
        write_whole(place / layout.CARD, json.dumps(to_plain(card), indent=2) + "\n")
        write_whole(place / layout.MEMBERS, json.dumps(to_plain(found), indent=2, allow_nan=False) + "\n")
    except OSError as error:
        raise StorageError(f"can't write in {place}: {error.strerror or error}") from error
