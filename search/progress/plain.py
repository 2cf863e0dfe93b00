"""Progress as plain lines, for a log file or a pipe: one for each trial, and a status every half minute."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TextIO

from reports.wording import count, duration
from search.progress.protocol import SearchPlan
from search.progress.search_status import CountingProgress, SearchStatus
from search.results.summary import counts_in_words
from search.wording import remaining_in_words, write_line

if TYPE_CHECKING:
    from reports.stored.records import TrialRecord


class PlainProgress(CountingProgress):
    """Lines without colours or cursor movements."""

    def __init__(self, stream: TextIO, *, status_seconds: float | None = 30.0) -> None:
        """Write to `stream`, a status line every `status_seconds`; None: no status lines."""
        super().__init__()
        self._stream = stream
        self._status_seconds = status_seconds
        self._over = threading.Event()
        self._reporter = threading.Thread(target=self._report_status, daemon=True)

    def phase(self, line: str) -> None:
        """Print the line."""
        super().phase(line)
        self._write(line)

    def started(self, plan: SearchPlan) -> None:
        """Print the plan, and start printing status lines."""
        super().started(plan)
        earlier = f" ({len(plan.earlier)} of them done)" if plan.earlier else ""
        self._write(
            f"study {plan.study}: space {plan.space} on {plan.data}, {count(plan.trials, 'trial')} "
            f"of up to {count(plan.epochs, 'epoch')}{earlier}, {count(plan.workers, 'worker')}"
        )
        if self._status_seconds is not None:
            self._reporter.start()

    def trial_ended(self, record: TrialRecord) -> None:
        """Print a line about the trial."""
        super().trial_ended(record)
        if self._status is not None:
            self._write(trial_line(record, self._status))

    def note(self, line: str) -> None:
        """Print the line."""
        self._write(line)

    def ended(self) -> None:
        """Stop printing."""
        self._over.set()
        if self._reporter.is_alive():
            self._reporter.join()

    def _report_status(self) -> None:
        while not self._over.wait(self._status_seconds):
            assert self._status is not None
            with self._lock:
                line = status_line(self._status, phase=", ".join(self._phase_lines()))
            self._write(line)

    def _write(self, line: str) -> None:
        write_line(self._stream, line)


def trial_line(record: TrialRecord, status: SearchStatus) -> str:
    """Return one line about a trial that has ended: state, score, epochs, seconds, why."""
    state = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}[record.state]
    parts = [f"trial {record.trial} {state}"]
    if record.baseline is not None:
        parts[0] += f" (baseline {record.baseline})"
    if record.start is not None:
        parts[0] += f" (start {record.start})"
    if record.score is not None:
        parts.append(f"{status.plan.metric} {record.score:.4f} at epoch {record.best_epoch} of {record.epochs}")
    if record.message:
        parts.append(record.message)
    parts.append(duration(record.seconds_training + (record.seconds_building or 0.0)))
    if status.best is not None and status.best.trial == record.trial:
        parts.append("best so far")
    counts = status.counts
    return f"[{counts.ended}/{counts.total}] " + ", ".join(parts)


def status_line(status: SearchStatus, *, phase: str = "") -> str:
    """Return one line about the whole search: counts, best, elapsed and, perhaps, the phase or the time left."""
    parts = [counts_in_words(status.counts)]
    if status.best is not None and status.best.score is not None:
        parts.append(f"best {status.plan.metric} {status.best.score:.4f} (trial {status.best.trial})")
    parts.append(f"{duration(round(status.elapsed))} elapsed")
    if now := phase or remaining_in_words(status.remaining):
        parts.append(now)
    return "; ".join(parts)
