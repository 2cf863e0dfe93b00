"""A space's digest follows its code: not its words, its layout, nor where its imports come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from spaces.catalogue import find_space, space_names
from spaces.digest import EARLIER_DIGESTS, is_same_source, source_digest

SPACE = '''"""Two filters or four."""

from spaces.recipe import ConvNet, Fit, Recipe, Stage

RATE = 0.01
"""A rate."""


def suggest(trial):
    """Choose one network."""
    stage = Stage(filters=trial.suggest_categorical("filters", [2, 4]), convolutions=1)
    return Recipe(network=ConvNet(stages=(stage,), kernel=3), fit=Fit(learning_rate=RATE))
'''


def _digest(folder: Path, text: str) -> str:
    file = folder / "space.py"
    file.write_text(text)
    return source_digest(file)


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("Two filters or four.", "Few filters."),
        ("Choose one network.", "Choose."),
        ('    """Choose one network."""\n', ""),
        ('"""A rate."""', '"""A small rate."""'),
        ("spaces.recipe", "spaces.elsewhere.recipe"),
        ("RATE = 0.01", "RATE = 1e-2  # small"),
        ("stages=(stage,), kernel=3", "stages=(stage,),\n        kernel=3,\n    "),
    ],
)
def test_words_imports_and_layout_leave_it_as_it_is(tmp_path: Path, here: str, there: str) -> None:
    assert here in SPACE
    assert _digest(tmp_path, SPACE.replace(here, there)) == _digest(tmp_path, SPACE)


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("[2, 4]", "[2, 4, 8]"),
        ('"filters", [', '"width", ['),
        ("RATE = 0.01", "RATE = 0.02"),
        ("kernel=3", "kernel=True"),
        ("(stage,)", "(stage, stage)"),
        ("def suggest(trial):", "def suggest(trial=None):"),
    ],
)
def test_changed_code_changes_it(tmp_path: Path, here: str, there: str) -> None:
    assert here in SPACE
    assert _digest(tmp_path, SPACE.replace(here, there)) != _digest(tmp_path, SPACE)


def test_it_is_the_same_for_every_version_of_python(tmp_path: Path) -> None:
    text = f'{SPACE}\n\ndef generic(x=None, *, y: int = 3) -> str:\n    return f"{{x!r:>3}}" if x is None else ""\n'

    assert _digest(tmp_path, text) == "sha256:7b581ea31fb0280977bc5ddadb91f61b2a1668661b488fbf45a4e0542d9bdf9c"


def test_the_earlier_digest_of_cnn_cifar_is_accepted() -> None:
    before = "sha256:b55f2bbcd2e18a571fc017a498ee666cd5ce65c08b2a7e3f9b3e30225707167b"

    assert is_same_source(find_space("cnn_cifar").digest, before)


def test_another_digest_is_not_accepted() -> None:
    of_cifar, of_fashion = find_space("cnn_cifar").digest, find_space("mlp_fashion").digest

    before = "sha256:b55f2bbcd2e18a571fc017a498ee666cd5ce65c08b2a7e3f9b3e30225707167b"  # of cnn_cifar

    assert not any(is_same_source(of_fashion, then) for then in (of_cifar, before, "sha256:0", ""))


def test_earlier_digests_are_those_of_spaces_as_they_are() -> None:
    """A row without a space is dead: the space's code has changed since, and the row goes."""
    digests = {find_space(name).digest.removeprefix("sha256:")[:16] for name in space_names()}

    assert set(EARLIER_DIGESTS) <= digests
