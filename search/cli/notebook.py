"""A search from a notebook or a script.

from search import run
result = run(space="cnn_cifar", data="digits", trials=8)
result            # shows itself
result.trials     # a pandas DataFrame
"""

from __future__ import annotations

import html
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from search.cli.options import (
    Options,
    parse_duration,
    resolve,
)
from search.cli.output import end_lines
from search.driver.fork import Fork, fork_settings
from search.driver.run import run_search
from search.progress.display import open_progress
from search.results.run_folder import RunFolder
from search.results.status import find_run
from search.results.summary import RunSummary
from search.settings import (
    command_for,
)
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
    """What a search found; a notebook shows it as a small table."""

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
        """One row a trial that has ended, by its number: state, score, epochs, seconds, and each parameter."""
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
        """Say what a terminal says at the end of a run."""
        lines = [f"study {self.summary.study}: {self.summary.status}", *end_lines(self.summary)]
        return "\n".join([*lines, str(self.report_path)] if self.report_path else lines)

    def _repr_html_(self) -> str:
        rows = [f"<b>study {html.escape(str(self.summary.study))}: {self.summary.status}</b>"]
        rows += [html.escape(line) for line in end_lines(self.summary) if line != "report:"]
        if self.report_path is not None:
            address = html.escape(self.report_path.as_posix(), quote=True)
            rows.append(f'<a href="{address}" target="_blank">report</a>')
        return "<div>" + "<br>".join(rows) + "</div>"


def run(
    *,
    space: str | Path | None = None,
    data: str | Path | None = None,
    backbone: str | Path | None = None,
    trials: int | None = None,
    timeout: float | str | None = None,
    trial_timeout: float | str | None = None,
    trial_stall: float | str | None = None,
    storage_wait: float | str | None = None,
    cluster_wait: float | str | None = None,
    epochs: int | None = None,
    train_images: int | None = None,
    image_size: int | None = None,
    resize: str | None = None,
    skip_bad: bool | None = None,
    workers: int | None = None,
    study: str | None = None,
    runs: str | Path | None = None,
    storage: str | None = None,
    seed: int | None = None,
    sampler: str | None = None,
    pruner: str | None = None,
    metric: str | None = None,
    until: float | None = None,
    enqueue: str | None = None,
    executor: str | None = None,
    ray_address: str | None = None,
    insecure_ray: bool = False,
    fork: str | None = None,
    config: str | Path | None = None,
    quiet: bool = False,
) -> SearchResult:
    """Search, or continue a study of the same name, as `python -m search run` does with the same options.

    A kernel's interrupt stops in order; the same call goes on where it stopped.

    Args:
        timeout: seconds, or text such as "30m"; so are `trial_timeout`, `trial_stall`, `storage_wait` and
            `cluster_wait`.
        fork: name of a new study, which begins with the trials of `study`.
        quiet: say nothing while searching.

    Raises:
        TamizError: see `spaces.errors`; what is finished is in the run folder.
    """
    typed = Options(
        space=_text(space),
        data=_text(data),
        backbone=_text(backbone),
        trials=trials,
        timeout=_seconds(timeout, "timeout"),
        trial_timeout=_seconds(trial_timeout, "trial_timeout"),
        trial_stall=_seconds(trial_stall, "trial_stall"),
        storage_wait=_seconds(storage_wait, "storage_wait"),
        cluster_wait=_seconds(cluster_wait, "cluster_wait"),
        epochs=epochs,
        train_images=train_images,
        image_size=image_size,
        resize=resize,
        skip_bad=skip_bad,
        workers=workers,
        study=study,
        runs=_text(runs),
        storage=storage,
        seed=seed,
        sampler=sampler,
        pruner=pruner,
        metric=metric,
        until=until,
        enqueue=enqueue,
        executor=executor,
        ray_address=ray_address,
        insecure_ray=insecure_ray or None,
    )
    resolved = resolve(typed, file=None if config is None else Path(config))
    settings, begun_with = resolved.settings, None
    if fork is not None:
        settings, begun_with = fork_settings(settings, fork), Fork.of(find_run(settings.study, settings.runs))
    with open_progress(sys.stderr, quiet=quiet) as progress:
        summary = run_search(
            settings,
            space=resolved.space,
            progress=progress,
            command=command_for(settings) if begun_with is None else begun_with.command(settings),
            fork=begun_with,
        )
    return SearchResult(summary=summary, folder=Path(settings.runs) / settings.study)


def _seconds(came: float | str | None, option: str) -> float | None:
    return parse_duration(came, option) if isinstance(came, str) else came


def _text(came: str | Path | None) -> str | None:
    return None if came is None else str(came)
