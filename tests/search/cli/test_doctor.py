"""What the doctor finds on this machine."""

from __future__ import annotations

import importlib.metadata
import json
import os
from pathlib import Path

import pytest

from search.cli.app import run_command_line
from search.cli.doctor import examine


@pytest.fixture(autouse=True)
def _quick(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Import no Keras, but for the test of that."""
    if "keras" not in request.node.name:
        monkeypatch.setattr("search.cli.doctor._device", lambda: ("processor X, float32, jax 1.0", None))


@pytest.mark.slow
def test_the_device_is_that_of_keras_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    findings = examine(".")
    assert findings.device.startswith("processor ")
    assert findings.device.endswith(f", float32, tensorflow {importlib.metadata.version('tensorflow')}")
    assert str(findings.no_gpu).startswith("TensorFlow sees no GPU: CUDA_VISIBLE_DEVICES is '', which hides all; ")


def test_the_findings_are_this_machine_s(tmp_path: Path) -> None:
    findings = examine(str(tmp_path / "runs"))

    assert findings.versions["optuna"] == importlib.metadata.version("optuna")
    assert findings.cores == len(os.sched_getaffinity(0))
    assert 0 < findings.memory_free_gib <= findings.memory_gib
    assert findings.runs == "writable"
    assert findings.storage.startswith("works (SQLite ")


def test_the_storage_round_trip_leaves_nothing_behind(tmp_path: Path) -> None:
    examine(str(tmp_path / "runs"))

    assert list(tmp_path.iterdir()) == []


def test_a_package_that_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.cli.doctor.PACKAGES", ("no-such-package",))

    assert examine(".").versions == {"no-such-package": "not installed"}


def test_datasets_that_lie_ready_are_listed(tmp_path: Path) -> None:
    (tmp_path / "data" / "cifar10").mkdir(parents=True)

    assert examine(".").data[str(tmp_path / "data")] == "cifar10"


def test_the_home_folder_is_not_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "ada"))
    monkeypatch.setenv("TAMIZ_DATA", str(tmp_path / "ada" / "data"))
    monkeypatch.delenv("KERAS_HOME", raising=False)

    assert "ada" not in "\n".join(examine("runs").lines())


def test_text_and_json_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command_line(["doctor"]) == run_command_line(["doctor", "--json"]) == 0

    text, _, found = capsys.readouterr().out.partition("{")
    assert json.loads("{" + found)["versions"]["keras"] in text
