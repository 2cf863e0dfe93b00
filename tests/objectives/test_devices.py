"""A worker's process is set up before any backend reads its settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def _prepared(arguments: str, show: str) -> str:
    code = f"from objectives.devices import prepare; prepare({arguments}); import os, sys; print({show})"
    environment = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    ended = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stdout.strip() + ended.stderr


def test_a_worker_without_gpu_sees_none_and_keeps_to_its_threads() -> None:
    threads = "os.environ['TF_NUM_INTRAOP_THREADS'], os.environ['OMP_NUM_THREADS']"

    assert (
        _prepared(
            "threads=2, gpu=False", f"repr(os.environ['CUDA_VISIBLE_DEVICES']), {threads}, 'keras' in sys.modules"
        )
        == "'' 2 2 True"
    )


def test_a_worker_with_gpu_leaves_the_choice_of_device_and_threads() -> None:
    show = "'CUDA_VISIBLE_DEVICES' in os.environ, os.environ['TF_FORCE_GPU_ALLOW_GROWTH'], 'NPROC' in os.environ"

    assert _prepared("threads=None, gpu=True", show) == "False true False"


def test_a_process_that_only_trains_imports_no_package_for_wrappers_and_may_still_do_so() -> None:
    show = "'pandas' in sys.modules, 'sklearn' in sys.modules, __import__('pandas').__name__"

    assert _prepared("threads=1, gpu=False, only_trains=True", show) == "False False pandas"
