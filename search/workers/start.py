"""Starts the kind of workers that the settings name."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import cast

from search.settings import RunSettings
from search.worker_kinds import WORKER_KINDS
from search.workers.protocol import OpenWorkers, WorkerFactory
from spaces.space import Space


def open_workers(
    settings: RunSettings, *, space: Space, log_file: Path, note: Callable[[str], None]
) -> AbstractContextManager[WorkerFactory]:
    """Begin whatever takes long to start, and return what makes the workers; leaving it ends them.

    Args:
        settings: which kind of workers, and how many.
        space: what they train.
        log_file: where their own lines go.
        note: called with lines for the terminal.

    Raises:
        UsageError: the settings demand what this kind of workers does not have.
    """
    module = importlib.import_module(WORKER_KINDS[settings.executor].module)
    opened = cast(OpenWorkers, module.open_workers)
    return opened(settings, space=space, log_file=log_file, note=note)
