"""The table of worker kinds."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from search.worker_kinds import WORKER_KINDS
from search.workers.protocol import Halted, Paused, TrainingPaused, event_of


@pytest.mark.parametrize("name", WORKER_KINDS)
def test_each_kind_has_a_help_line_and_a_function_that_opens_it(name: str) -> None:
    kind = WORKER_KINDS[name]
    assert kind.help
    assert callable(importlib.import_module(kind.module).open_workers)


def test_the_kinds_are_imported_without_ray_and_keras() -> None:
    program = (
        "import importlib, sys\n"
        "from search.worker_kinds import WORKER_KINDS\n"
        "early = 'numpy' in sys.modules\n"
        "for kind in WORKER_KINDS.values(): importlib.import_module(kind.module)\n"
        "sys.exit(early or any(name in sys.modules for name in ('keras', 'tensorflow', 'ray')))\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0


def test_a_halted_epoch_is_no_event_and_what_is_left_of_it_is_one() -> None:
    paused = TrainingPaused(worker=1, trial=2, checkpoint=None)
    events = [event_of(reply, worker=1, trial=2) for reply in (Halted(), Paused(checkpoint=None))]
    assert events == [None, paused]
