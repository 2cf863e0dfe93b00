"""Where the lines of Ray in this process go: to a file, never to the terminal."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def lines_to(log_file: Path) -> Iterator[None]:
    """Send what Ray logs and prints in this process to a file."""
    from ray._private import worker

    logger = logging.getLogger("ray")
    file = logging.FileHandler(log_file, encoding="utf-8", delay=True)
    before, logger.handlers, logger.propagate = logger.handlers, [file], False
    # With `log_to_driver=False` Ray still prints what the raylet tells of dead workers, on stdout.
    printing, worker.print_to_stdstream = worker.print_to_stdstream, _log_lines
    try:
        yield
    finally:
        worker.print_to_stdstream = printing
        logger.handlers = before
        file.close()


def _log_lines(data: dict[str, Any], ignore_prefix: object = None) -> None:
    logging.getLogger("ray").warning("%s: %s", data.get("pid"), "\n".join(data["lines"]))
