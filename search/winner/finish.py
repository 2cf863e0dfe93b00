"""The steps after a search, in their order: everything is chosen before a test image is looked at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reports.stored.records import RunRecord
from search.trainings.parts import SearchParts
from search.winner.for_the_record import measure_for_the_record
from search.winner.measure import measure_winner
from search.workers.stalls import StallDetector


def finish(parts: SearchParts, *, record: RunRecord, test_images: NDArray[np.uint8]) -> None:
    """Measure the model that is handed over; then, for the record, what it is to be seen beside.

    Args:
        parts: of the search, which has ended and was not asked to stop.
        record: of the run.
        test_images: uint8 (n, height, width, channels).

    Raises:
        TamizError: see `spaces.errors`; the next run continues where this one ended.
    """
    measure_winner(
        parts.study,
        record=record,
        test_images=test_images,
        folder=parts.folder,
        workers=parts.workers,
        progress=parts.progress,
        stalls=StallDetector(stall_seconds=parts.settings.trial_stall_seconds),
    )
    measure_for_the_record(parts, record=record)
