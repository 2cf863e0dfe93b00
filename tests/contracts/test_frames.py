"""A reader who follows a search from the command to a training step passes few functions of ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST = 12
WATCHED_SEARCH = """
import sys, traceback
from pathlib import Path
import keras
from search.cli.app import run_command_line

root, runs = map(Path, sys.argv[1:])
packages = ("search", "objectives", "reports", "spaces")
train_step, shown = keras.Model.train_step, []


def watched_step(self, *given):
    if not shown:
        for frame in traceback.extract_stack():
            file = Path(frame.filename)
            if file.is_relative_to(root) and file.relative_to(root).parts[0] in packages:
                shown.append(f"{file.relative_to(root).as_posix()} {frame.name}")
    return train_step(self, *given)


keras.Model.train_step = watched_step
options = "run --space mlp_fashion --data digits --train-images 200 --trials 1 --epochs 1 --executor inline --runs"
run_command_line([*options.split(), str(runs)])
print(*shown, sep=chr(10))
"""


@pytest.mark.slow
def test_few_functions_lie_between_the_command_and_a_training_step(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WATCHED_SEARCH, str(ROOT), str(tmp_path)], capture_output=True, text=True, check=True
    )
    frames = [line for line in done.stdout.splitlines() if line.startswith(("search/", "objectives/"))]
    command = frames.index("search/cli/run.py run")
    assert frames[-1] == "objectives/training/on_tensorflow.py step"
    assert len(frames[command:]) <= MOST, "\n".join(frames)
