"""One small finished search on digits, for tests of what comes after a search."""

from __future__ import annotations

import pytest

from search.driver import run_search
from search.run_folder import RunFolder
from search.settings import RunSettings
from spaces.catalogue import find_space
from tests.search.toy import ListeningProgress

SPACE = '''
"""Small networks, for tests of what comes after a search."""

from spaces.recipe import Augment, ConvNet, Fit, Recipe, Stage

DEFAULT_DATA = "digits"


def suggest(trial):
    filters = trial.suggest_int("filters", 16, 24)
    return Recipe(
        network=ConvNet(stages=(Stage(filters=filters, convolutions=1),), kernel=3, batch_norm=True),
        augment=Augment(shift=0.05),
        fit=Fit(learning_rate=0.01, schedule="one_cycle", batch_size=32),
    )
'''


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Return the folder of a study of two trials, four epochs each; nothing may be written there."""
    place = tmp_path_factory.mktemp("finished")
    (place / "small.py").write_text(SPACE)
    settings = RunSettings(
        space=str(place / "small.py"),
        study="small",
        data="digits",
        trials=2,
        epochs=4,
        pruner="none",
        sampler="random",
        runs=str(place),
        executor="inline",
    )
    run_search(settings, space=find_space(settings.space), progress=ListeningProgress(), command="run")
    return RunFolder(path=place / "small")
