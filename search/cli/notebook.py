"""A search from a notebook or a script.

from search import run
result = run(space="cnn_cifar", data="digits", trials=8)
result            # shows itself
result.trials     # a pandas DataFrame
"""

from __future__ import annotations

import html
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

import optuna
import pandas as pd

from search.cli.options import resolve
from search.cli.output import status_text
from search.driver.run import run_search
from search.progress.display import open_progress
from search.results.ending import end_lines
from search.results.run_folder import RunFolder
from search.results.summary import RunSummary
from search.run_options import RunOptions
from spaces.recipe import Recipe
from spaces.space import Parameters


@dataclass(frozen=True, kw_only=True)
class Best:
    """The winner of a search."""

    trial: int
    score: float
    """On the validation images."""
    params: Parameters
    recipe: Recipe
    model_path: Path | None
    """A `.keras` file."""


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """The result of a search; a notebook shows it as a small table."""

    summary: RunSummary
    folder: Path
    """The run folder."""

    @property
    def best(self) -> Best | None:
        """The best trial; None where no trial completed."""
        best = self.summary.best
        if best is None:
            return None
        return Best(
            trial=best.trial,
            score=best.value,
            params=best.params,
            recipe=Recipe.from_plain(best.recipe),
            model_path=Path(self.summary.model) if self.summary.model else None,
        )

    @property
    def trials(self) -> pd.DataFrame:
        """One row per ended trial, by its number: state, score, epochs, seconds, and each parameter."""
        records = RunFolder(path=self.folder).read_trials()
        rows = [
            {
                "trial": record.trial,
                "state": record.state,
                "score": record.score,
                "best_epoch": record.best_epoch,
                "epochs": record.epochs,
                "seconds": record.seconds_training,
                "parameters": record.parameters,
                "baseline": record.baseline,
                "start": record.start,
                **{f"param_{name}": value for name, value in record.params.items()},
            }
            for record in records
        ]
        return pd.DataFrame(rows).set_index("trial") if rows else pd.DataFrame()

    @property
    def report_path(self) -> Path | None:
        """The report, one HTML file."""
        return Path(self.summary.report) if self.summary.report else None

    def __repr__(self) -> str:
        """Return the lines that a terminal shows at the end of a run."""
        return status_text(self.summary)

    def _repr_html_(self) -> str:
        rows = [f"<b>study {html.escape(str(self.summary.study))}: {self.summary.status}</b>"]
        rows += [html.escape(line) for line in end_lines(self.summary)]
        if self.report_path is not None:
            address = html.escape(self.report_path.as_posix(), quote=True)
            rows.append(f'<a href="{address}" target="_blank">report</a>')
        return "<div>" + "<br>".join(rows) + "</div>"


@contextmanager
def _log_levels_kept() -> Iterator[None]:
    """Give Optuna's and TensorFlow's loggers their levels back, which a search changes: they are the notebook's."""
    loggers = [optuna.logging.get_logger("optuna"), logging.getLogger("tensorflow")]
    levels = [logger.level for logger in loggers]
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@_log_levels_kept()
def run(
    *, fork: str | None = None, config: str | Path | None = None, quiet: bool = False, **options: Unpack[RunOptions]
) -> SearchResult:
    """Search, or continue a study of the same name, as `python -m search run` does with the same options.

    A kernel's interrupt stops the search cleanly; the same call continues it.

    Args:
        fork: name of a new study, which begins with the trials of `study`.
        config: a TOML file with options, or the settings.json of an earlier run.
        quiet: print no progress.
        options: see `search.run_options.RunOptions`, and `python -m search run --help`.

    Raises:
        TamizError: see `spaces.errors`; what is finished is in the run folder.
    """
    resolved = resolve(options, file=None if config is None else Path(config)).forked(fork)
    with open_progress(sys.stderr, quiet=quiet) as progress:
        summary = run_search(
            resolved.settings,
            space=resolved.space,
            progress=progress,
            command=resolved.command,
            places=resolved.places,
            fork=resolved.fork,
        )
    return SearchResult(summary=summary, folder=Path(resolved.settings.runs) / resolved.settings.study)
