"""Progress on a terminal: one block of at most twelve lines that is drawn again in its place."""

from __future__ import annotations

import contextlib
import math
import os
from typing import TYPE_CHECKING, TextIO

from rich.console import Console, ConsoleDimensions, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from reports.wording import duration
from search.progress.protocol import SearchPlan
from search.progress.search_status import CountingProgress, RunningTrial, SearchStatus
from search.results.summary import counts_in_words
from search.wording import params_in_words, printable, remaining_in_words

if TYPE_CHECKING:
    from reports.stored.records import TrialRecord

MOST_LINES = 12
_params_lines = 2
_more = " ..."
"""Ends the last of these lines where parameters are left out."""


class LiveProgress(CountingProgress):
    """A rich live block on `stream`; notes scroll by above it."""

    def __init__(self, stream: TextIO) -> None:
        """Draw on `stream`, a terminal."""
        super().__init__()
        self._console = Console(file=stream, highlight=False, markup=False, emoji=False)
        self._encoding = stream.encoding
        self._live = Live(
            self, console=self._console, refresh_per_second=4, transient=True, redirect_stdout=False,
            redirect_stderr=False, vertical_overflow="crop",
        )  # fmt: skip

    def phase(self, line: str) -> None:
        """Show the line, with the time that it has taken, until the next."""
        super().phase(line)
        self._live.start()

    def started(self, plan: SearchPlan) -> None:
        """Show the block."""
        super().started(plan)
        self._live.start()

    def trial_ended(self, record: TrialRecord) -> None:
        """Count the trial, and print the reason above the block if it failed or was pruned for one."""
        super().trial_ended(record)
        if record.message:
            self.note(f"trial {record.trial} {'failed' if record.state == 'FAIL' else 'pruned'}: {record.message}")

    def note(self, line: str) -> None:
        """Print the line above the block, where it stays."""
        self._console.print(Text(printable(line, encoding=self._encoding)), soft_wrap=True)

    def ended(self) -> None:
        """Remove the block: the summary that follows says more."""
        self._live.stop()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the block as it is now."""
        with contextlib.suppress(OSError, ValueError):  # rich asks descriptors 0 to 2, which may be elsewhere
            console.size = ConsoleDimensions(*os.get_terminal_size(console.file.fileno()))
        height = max(1, min(MOST_LINES, console.size.height - 1))
        with self._lock:
            lines = self._lines(console.size.width, height)
        overflow = "ellipsis" if (self._encoding or "").lower().startswith("utf") else "crop"
        for line in lines:
            line.no_wrap, line.overflow = True, overflow  # type: ignore[assignment]
            yield line

    def _lines(self, width: int, height: int) -> list[Text]:
        status, phase = self._status, [self._text(line) for line in self._phase_lines()]
        if status is None:
            return phase[:height] or [self._text("")]
        elapsed = f"{duration(round(status.elapsed))} elapsed"
        left = "" if phase else remaining_in_words(status.remaining)
        head = [
            self._text(f"{status.plan.space} on {status.plan.data}, study {status.plan.study}", "bold"),
            self._text(counts_in_words(status.counts)),
            *self._best_lines(status, width),
            self._text(f"{elapsed}, {left}" if left else elapsed),
            *phase,
        ][:height]
        return head + self._worker_lines(status, height - len(head))

    def _best_lines(self, status: SearchStatus, width: int) -> list[Text]:
        best = status.best
        if best is None or best.score is None:
            return [self._text("no trial is complete yet", "dim")]
        of = f", baseline {best.baseline}" if best.baseline else f", start {best.start}" if best.start else ""
        words = self._text(params_in_words(best.params), "dim")
        params = words.wrap(self._console, max(1, width - 2 - len(_more)))
        if len(params) > _params_lines:
            params[_params_lines - 1].rstrip()
            params[_params_lines - 1].append(_more)
        return [
            self._text(f"best {status.plan.metric} {best.score:.4f}, trial {best.trial}{of}", "green"),
            *(Text("  ").append_text(line) for line in params[:_params_lines]),
        ]

    def _worker_lines(self, status: SearchStatus, room: int) -> list[Text]:
        busy = sorted(status.running.values(), key=lambda trial: trial.worker)
        if not busy and not status.counts.ended and not self._phase and room > 0:
            return [self._text("workers are starting", "dim")]
        if len(busy) <= room:
            return [self._worker_line(trial) for trial in busy]
        if room < 1:
            return []
        shown = [self._worker_line(trial) for trial in busy[: room - 1]]
        return [*shown, self._text(f"{len(busy) - len(shown)} {'more ' if shown else ''}workers are training", "dim")]

    def _worker_line(self, trial: RunningTrial) -> Text:
        score = "" if trial.score is None or math.isnan(trial.score) else f"  {trial.score:.4f}"
        epochs = f"epoch {trial.epoch}/{trial.epochs}" if trial.epoch else "first epoch"
        return self._text(f"worker {trial.worker}  {trial.title}  {epochs}{score}")

    def _text(self, line: str, style: str = "") -> Text:
        return Text(printable(line, encoding=self._encoding), style=style)
