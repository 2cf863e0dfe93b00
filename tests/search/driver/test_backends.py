"""A whole search on another backend of Keras than TensorFlow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.promise
def test_a_search_runs_on_jax(tmp_path: Path) -> None:
    what = ["--space", "cnn_cifar", "--data", "digits", "--trials", "2", "--epochs", "2", "--train-images", "200"]
    where = ["--executor", "inline", "--study", "s", "--runs", str(tmp_path), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "search", "run", *what, *where],
        env=os.environ | {"KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "s" / "settings.json").read_text())["versions"]["backend"] == "jax"
    assert json.loads(done.stdout)["test"]["images"] == 360
