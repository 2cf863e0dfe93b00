"""Preparation of a run: what it notes before the first trial."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.driver.prepare import prepare
from search.results.run_folder import RunFolder
from search.settings import RunSettings
from spaces.catalogue import find_space
from tests.search.fixtures.toy import ListeningProgress


@pytest.mark.parametrize(("pruner", "epochs", "noted"), [("curve", 1, 1), ("curve", 2, 0), ("percentile", 1, 0)])
def test_a_pruner_that_decides_between_epochs_has_nothing_to_do_in_one(
    tmp_path: Path, pruner: str, epochs: int, noted: int
) -> None:
    settings = RunSettings(space="mlp_fashion", study="toy", data="digits", pruner=pruner, epochs=epochs)
    progress = ListeningProgress()
    folder = RunFolder.at(tmp_path, "toy")

    prepare(settings, space=find_space("mlp_fashion"), folder=folder, places={}, command="run", progress=progress)

    assert progress.notes == ["--pruner curve stops no trial of one epoch: it decides between epochs"] * noted
