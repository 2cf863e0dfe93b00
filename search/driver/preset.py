"""The number of trials of a search by `--preset`: as many as fit into its time, from its first trial on."""

from __future__ import annotations

import dataclasses
import shlex
import statistics
from typing import TYPE_CHECKING

from reports.wording import count, duration
from search.presets import trials_that_fit
from search.trainings.parts import SearchParts

if TYPE_CHECKING:
    from reports.stored.records import RunRecord

_worth_a_note = 0.2
"""A change of the number by this fraction is reported."""


class PresetTrials:
    """Sets how many trials a search has, each time that one has ended.

    The number stands in the stored settings in place of the preset: a run that continues the study keeps it.
    """

    def __init__(self, parts: SearchParts) -> None:
        """Do nothing where the settings of the search have no preset."""
        self._parts = parts
        self._seconds: list[float] = []
        self._trials = self._noted = 0

    def ended(self, *, seconds: float, is_complete: bool) -> None:
        """Plan with the mean time of the trials so far, the first of which must have completed."""
        parts = self._parts
        left = parts.budget.seconds_left
        if parts.settings.preset is None or left is None or not (is_complete or self._seconds):
            return
        self._seconds.append(seconds)
        mean = statistics.fmean(self._seconds)
        trials = parts.study.total(
            trials_that_fit(
                seconds_left=left,
                trial_seconds=mean,
                workers=parts.workers.count,
                started=parts.study.started(),
                running=len(parts.study.interrupted()),
            )
        )
        if trials == self._trials:
            return
        self._trials = trials
        parts.budget.limit(trials)
        record = parts.folder.read_run()
        assert record is not None
        parts.disk.write(lambda: parts.folder.write_run(_planned(record, trials), None))
        parts.progress.planned(trials)
        if abs(trials - self._noted) >= _worth_a_note * self._noted:
            self._noted = trials
            time = f"{duration(round(left))} left, {duration(mean)} a trial"
            parts.progress.info(f"preset {parts.settings.preset}: {count(trials, 'trial')} in all ({time})")


def _planned(record: RunRecord, trials: int) -> RunRecord:
    """Return the record, and its command, with a number of trials in place of a preset."""
    words = shlex.split(record.command)
    if "--preset" in words:
        place = words.index("--preset")
        del words[place : place + 2]
    words[words.index("--trials") + 1] = str(trials)
    settings = {**record.settings, "preset": None, "trials": trials}
    return dataclasses.replace(record, settings=settings, command=shlex.join(words))
