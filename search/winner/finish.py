"""The steps after a search, in their order: everything is chosen before a test image is looked at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reports.stored import layout
from reports.stored.confirmation import Confirmation
from reports.stored.files import read_record
from reports.stored.records import RunRecord
from search.trainings.parts import SearchParts
from search.winner.confirm import confirm
from search.winner.for_the_record import measure_for_the_record
from search.winner.measure import HandedOver, measure_winner
from search.winner.refit import RefitRequest, handed_over, keep_search_model
from search.workers.stalls import StallDetector


def finish(
    parts: SearchParts, *, record: RunRecord, test_images: NDArray[np.uint8], request: RefitRequest | None = None
) -> None:
    """Choose the model that is handed over, and measure it; then, for the record, what it is to be seen beside.

    Args:
        parts: of the search, which has ended and was not asked to stop; if it is meanwhile, nothing is measured.
        record: of the run.
        test_images: uint8 (n, height, width, channels).
        request: of the command `refit`; None: the settings say whether the winner is refitted.

    Raises:
        TamizError: see `spaces.errors`; the next run continues where this one ended.
    """
    chosen = _chosen(parts, is_asked=request is None)
    answer = None if parts.stop.is_requested else handed_over(parts, record, chosen, request)
    if answer is None or parts.stop.is_requested:
        return
    measure_winner(
        answer,
        record=record,
        test_images=test_images,
        folder=parts.folder,
        workers=parts.workers,
        progress=parts.progress,
        stalls=StallDetector(stall_seconds=parts.settings.trial_stall_seconds),
    )
    measure_for_the_record(parts, record=record)
    keep_search_model(parts, record)


def _chosen(parts: SearchParts, *, is_asked: bool) -> HandedOver | None:
    """Return the search's own model of the winner; None: no trial has completed, or a stop was requested.

    Its trial is confirmed if that `is_asked`; else a confirmation counts that was completed before.
    """
    best = parts.study.best()
    if best is None:
        return None
    stored = parts.folder.path / layout.CONFIRMATION
    confirmation = confirm(parts) if is_asked else read_record(stored, Confirmation)
    if parts.stop.is_requested:
        return None
    if confirmation is None or confirmation.chosen is None:
        return HandedOver(trial=best.number, kind="search", place=layout.trial(best.number))
    number, seed = confirmation.chosen, confirmation.seeds[0]
    again = layout.confirmed(number, seed)
    if parts.folder.read_model(number) is None and (parts.folder.path / again / layout.MODEL).is_file():
        return HandedOver(trial=number, kind="confirmed", place=again, seed=seed)
    return HandedOver(trial=number, kind="confirmed", place=layout.trial(number))
