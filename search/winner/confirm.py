"""Confirms the winner: trains the best recipes again on fresh seeds, and chooses by their means."""

from __future__ import annotations

import json

from objectives.evaluation.metrics import METRICS
from objectives.files import predictions as stored_predictions
from objectives.files.atomic import write_whole
from objectives.messages import Predictions
from reports.classifier.intervals import paired_test
from reports.stored import layout
from reports.stored.confirmation import Confirmation
from reports.stored.outcome import rank
from reports.stored.records import TrialRecord
from reports.stored.run import CLOSELY_READ
from reports.wording import count, duration
from search.algorithms.samplers import derive_seed
from search.results.run_folder import RunFolder
from search.trainings.parts import SearchParts
from search.winner.again import Job, train_again
from search.winner.choice import Retrained, choose
from search.winner.share import MOST_CANDIDATES, MOST_OF_SEARCH, SEEDS, cost_seconds, keep_share, wanted_candidates
from spaces.errors import RecordError
from spaces.records import to_plain

_first_seed = 2**31
"""Seeds are derived from numbers from here on, which no trial has."""


def confirm(parts: SearchParts) -> Confirmation | None:
    """Train the candidates again where they are not trained yet, and choose among them.

    Returns:
        What was found; it is not complete where a stop was requested or time is up. None: there are no candidates.

    Raises:
        TamizError: as `search.winner.again.train_again`.
    """
    folder = parts.folder
    candidates = find_candidates(folder, parts.settings.metric, wanted=wanted_candidates(parts))
    if not candidates:
        (folder.path / layout.CONFIRMATION).unlink(missing_ok=True)
        return None
    seeds = [derive_seed(parts.settings.seed, _first_seed + place) for place in range(SEEDS)]
    # All candidates with the first seed, then all with the second: where time is up in between, the first ones count.
    jobs = [_job(folder, trial, seed, keeps_model=seed == seeds[0]) for seed in seeds for trial in candidates]
    left = [job.trial for job in jobs if folder.read_result(job.place) is None]
    if left:
        # Until it is complete, the study is not done.
        _write(folder, _chosen(folder, candidates, seeds, parts.settings.metric))
        seconds = sum(map(cost_seconds, left)) / min(parts.workers.count, len(left))
        parts.progress.phase(
            f"confirming {count(len(candidates), 'candidate')} on {count(SEEDS, 'fresh seed')} each: "
            f"{count(len(left), 'training')}, about {duration(round(seconds))}"
        )
        keep_share(parts, ())
        train_again(jobs, parts)
    found = _chosen(folder, candidates, seeds, parts.settings.metric)
    _write(folder, found)
    return found


def find_candidates(folder: RunFolder, metric: str, *, wanted: int | None) -> list[TrialRecord]:
    """Return the trials whose recipes cannot be told from the best one on the validation images, best first.

    Recipes that were trained several times are one candidate: their best trial.

    Args:
        folder: of the study.
        metric: of the study.
        wanted: the most there may be; None: `MOST_CANDIDATES`, as far as training them again takes a quarter of the
            search's training time.
    """
    trials = folder.read_trials()
    recipes: dict[str, TrialRecord] = {}
    for trial in rank(trials, METRICS[metric].direction):
        path = folder.trial(trial.trial) / layout.RECIPE
        if path.is_file():
            recipes.setdefault(path.read_text(), trial)
    ranked = list(recipes.values())[:CLOSELY_READ]
    best = None if not ranked else _predictions(folder, layout.trial(ranked[0].trial))
    if best is None:
        return []
    tied = [trial for trial in ranked if trial is ranked[0] or _is_tied(folder, trial, best, metric)]
    if wanted is not None:
        return tied[:wanted]
    left = MOST_OF_SEARCH * sum(map(cost_seconds, trials))
    chosen = []
    for trial in tied[:MOST_CANDIDATES]:
        left -= SEEDS * cost_seconds(trial)
        if left < 0:
            break
        chosen.append(trial)
    return chosen


def _is_tied(folder: RunFolder, trial: TrialRecord, best: Predictions, metric: str) -> bool:
    other = _predictions(folder, layout.trial(trial.trial))
    if other is None or len(other.images) != len(best.images) or (other.images != best.images).any():
        return False
    return not paired_test(metric, best, other).is_significant


def _job(folder: RunFolder, trial: TrialRecord, seed: int, *, keeps_model: bool) -> Job:
    return Job(
        trial=trial,
        recipe=folder.read_recipe(trial.trial),
        seed=seed,
        epochs=trial.epochs,
        place=layout.confirmed(trial.trial, seed),
        title=f"trial {trial.trial} with seed {seed}",
        keeps_model=keeps_model and folder.read_model(trial.trial) is None,
    )


def _chosen(folder: RunFolder, candidates: list[TrialRecord], seeds: list[int], metric: str) -> Confirmation:
    places = {trial.trial: [layout.confirmed(trial.trial, seed) for seed in seeds] for trial in candidates}
    records = {number: tuple(map(folder.read_result, each)) for number, each in places.items()}
    counted = 0
    while counted < len(seeds) and all(each[counted] for each in records.values()):
        counted += 1
    retrained = []
    for trial in candidates:
        read = (_predictions(folder, place) for place in places[trial.trial][:counted])
        predictions = tuple(one for one in read if one is not None)
        retrained.append(Retrained(trial=trial, records=records[trial.trial], predictions=predictions))
    return choose(retrained, seeds=seeds, counted=counted, metric=metric)


def _predictions(folder: RunFolder, place: str) -> Predictions | None:
    try:
        return stored_predictions.load(folder.path / place / layout.PREDICTIONS)
    except (RecordError, OSError):
        return None


def _write(folder: RunFolder, found: Confirmation) -> None:
    write_whole(folder.path / layout.CONFIRMATION, json.dumps(to_plain(found), indent=2, allow_nan=False) + "\n")
