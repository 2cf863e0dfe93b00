"""Trains the winner once more, on training and validation images together."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace

from objectives.files import predictions as stored_predictions
from objectives.files.atomic import whole_file, write_whole
from reports.stored import layout
from reports.stored.for_the_record import SEARCH, recorded_trials
from reports.stored.records import Refit, RunRecord, TrialRecord
from reports.wording import count, duration
from search.results.model_files import card_of
from search.trainings.parts import SearchParts
from search.winner.again import Job, train_again
from search.winner.measure import HandedOver, measurement_of
from spaces.errors import RecordError, UsageError
from spaces.records import to_plain

_auto_refits = False
"""Whether `--refit auto` refits: only where the benchmark `benchmarks.winners` shows that it pays."""


@dataclass(frozen=True, kw_only=True)
class RefitRequest:
    """What the command `refit` asks for."""

    trial: int | None = None
    """None: the winner."""
    epochs: int | None = None
    """None: those of the study."""


def handed_over(
    parts: SearchParts, record: RunRecord, winner: HandedOver | None, request: RefitRequest | None
) -> HandedOver | None:
    """Return the model that is handed over: the winner, or its refit, which is trained now where it is wanted.

    Args:
        parts: of the search, which has ended.
        record: of the run.
        winner: as the search chose it; None: no trial is complete.
        request: of the command `refit`, which may name another trial: that one is refitted too, but not handed over.
            None: the settings say whether to refit.

    Returns:
        That model; None: there is none.

    Raises:
        TamizError: as `search.winner.again.train_again`.
    """
    if request is not None and request.trial is not None and (winner is None or request.trial != winner.trial):
        _refit_another(parts, record, request)
        request = None
    if winner is None:
        return None
    if request is None:
        earlier = _earlier(parts, winner)
        if earlier is not None or not (
            parts.settings.refit == "on" or (parts.settings.refit == "auto" and _auto_refits)
        ):
            return earlier or winner
        request = RefitRequest()
    return _refit(parts, record, winner.trial, request.epochs) or winner


def keep_search_model(parts: SearchParts, record: RunRecord) -> None:
    """Keep the search's own best model in `best/search/`, where another one is handed over and it was measured."""
    folder, answer = parts.folder, parts.folder.read_measurement()
    place = folder.best / layout.SEARCH
    best = recorded_trials(folder.read_trials(), record.direction).get(SEARCH)
    if answer is None or best is None:
        return
    shutil.rmtree(place, ignore_errors=True)  # of an earlier winner
    model = folder.read_model(best.trial)
    if model is None or (answer.trial == best.trial and answer.refit is None):
        return
    try:
        predictions = stored_predictions.load(folder.trial(best.trial) / layout.TEST_PREDICTIONS)
    except RecordError:  # it could not be measured, which was reported
        return
    measurement = measurement_of(best.trial, predictions, metric=record.metric)
    place.mkdir()
    write_whole(place / layout.MODEL, model)
    for name, written in ((layout.CARD, card_of(record, best.trial, model)), (layout.MEASUREMENT, measurement)):
        write_whole(place / name, json.dumps(to_plain(written), indent=2, allow_nan=False) + "\n")
    with (folder.trial(best.trial) / layout.RECIPE).open("rb") as recipe, whole_file(place / layout.RECIPE) as file:
        shutil.copyfileobj(recipe, file)


def _refit(parts: SearchParts, record: RunRecord, number: int, epochs: int | None) -> HandedOver | None:
    """Train a trial's recipe on all images but the test images, with its own seed, as far as that is not done.

    The last epoch's weights are kept: no image is left to choose another epoch by. None: it has failed, or is not done
    yet; both are reported.
    """
    trial, epochs = parts.folder.read_trial(number), epochs or record.epochs
    if trial is None:
        raise UsageError(f"invalid --trial '{number}': expected a trial that has ended")
    place, images = layout.refit(number, epochs), record.data.train + record.data.validation
    done = parts.folder.read_result(place)
    if done is not None and done.state == "COMPLETE" and not (parts.folder.path / place / layout.MODEL).is_file():
        (parts.folder.path / place / layout.RESULT).unlink()  # its model was removed: trained again
        done = None
    if done is None:
        parts.progress.phase(
            f"refitting trial {number} on {images:,} training and validation images for {count(epochs, 'epoch')}, "
            f"about {duration(round(_seconds(trial, record, epochs)))}"
        )
    job = Job(
        trial=trial,
        recipe=parts.folder.read_recipe(number),
        seed=trial.seed,
        epochs=epochs,
        part="all",
        place=place,
        title=f"refit of trial {number}",
        keeps_model=True,
    )
    (result,) = train_again([job], parts)
    if result is None:
        if not parts.stop.is_requested:
            parts.progress.note(f"the refit of trial {number} is not done: time is up; the next run continues it")
        return None
    if result.state != "COMPLETE":
        parts.progress.note(f"trial {number} has no refit: {result.message or result.cause}")
        return None
    return HandedOver(trial=number, kind="refit", place=place, refit=Refit(epochs=epochs, images=images))


def _refit_another(parts: SearchParts, record: RunRecord, request: RefitRequest) -> None:
    """Refit a trial that is not the winner, and leave its model beside a card in its own folder."""
    assert request.trial is not None
    trial = parts.folder.read_trial(request.trial)
    if trial is not None and trial.state == "PRUNED":
        parts.progress.note(
            f"trial {trial.trial} was pruned after {count(trial.epochs, 'epoch')}: nothing is known of later ones"
        )
    found = _refit(parts, record, request.trial, request.epochs)
    if found is None:
        return
    place = parts.folder.path / found.place
    model = (place / layout.MODEL).read_bytes()
    card = card_of(record, found.trial, model, with_validation=True)
    write_whole(place / layout.CARD, json.dumps(to_plain(card), indent=2, allow_nan=False) + "\n")
    parts.progress.note(
        f"trial {found.trial} is not the winner, so best/ stays as it is and the test images are not used; "
        f"its refit: {place / layout.MODEL}"
    )


def _earlier(parts: SearchParts, winner: HandedOver) -> HandedOver | None:
    """Return the refit of the winner that an earlier command handed over; None: there is none, or it is not wanted."""
    earlier = parts.folder.read_measurement()
    if earlier is None or earlier.refit is None or parts.settings.refit == "off":
        return None
    place = layout.refit(earlier.trial, earlier.refit.epochs)
    if earlier.trial != winner.trial:
        parts.progress.note(
            f"trial {winner.trial} is the winner now; the refit of trial {earlier.trial} stays in "
            f"{parts.folder.path / place}"
        )
        return None
    return replace(winner, kind="refit", place=place, seed=None, refit=earlier.refit)


def _seconds(trial: TrialRecord, record: RunRecord, epochs: int) -> float:
    """Return about how long a refit takes: as long as the trial did, for more images and other epochs."""
    more = (record.data.train + record.data.validation) / max(1, record.data.train)
    return (trial.seconds_building or 0.0) + trial.seconds_training / max(1, trial.epochs) * epochs * more
