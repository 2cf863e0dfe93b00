"""A space is found by name, by file or by dotted module, and a broken one is blamed on its own line."""

from __future__ import annotations

from pathlib import Path

import pytest

from spaces.catalogue import find_space, space_names
from spaces.errors import SpaceError, UnknownNameError
from spaces.parameters import RandomSuggest
from spaces.recipe import ImageShape

DIGITS = ImageShape(height=8, width=8, channels=1)
WHOLE = '''"""Two filters or four.

More words.
"""

from spaces.recipe import ConvNet, Fit, Recipe, Stage

DEFAULT_DATA = "digits"
BASELINES = {"small": {"filters": 2}}


def suggest(trial):
    stage = Stage(filters=trial.suggest_categorical("filters", [2, 4]), convolutions=1)
    return Recipe(network=ConvNet(stages=(stage,), kernel=3), fit=Fit(learning_rate=0.01))
'''


def _file(folder: Path, text: str, name: str = "my_space.py") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_our_spaces_are_the_modules_that_suggest() -> None:
    assert "cnn_cifar" in space_names()
    assert not {"suggest", "recipe", "catalogue", "errors"} & set(space_names())


def test_a_space_of_ours_is_found_by_name() -> None:
    space = find_space("cnn_cifar")

    assert (space.name, space.default_data) == ("cnn_cifar", "cifar10")
    assert "cifar_notebook_2021" in space.baselines


@pytest.mark.parametrize(("ending", "repeats"), [("", None), ("REPEATS = 3\n", 3)])
def test_a_file_with_repeats_is_a_design(tmp_path: Path, ending: str, repeats: int | None) -> None:
    assert find_space(_file(tmp_path, WHOLE + ending)).repeats == repeats


def test_a_file_may_recommend_starts(tmp_path: Path) -> None:
    assert find_space(_file(tmp_path, WHOLE + "STARTS = {'wide': {'filters': 4}}\n")).starts == {"wide": {"filters": 4}}


def test_a_person_s_file_is_a_space(tmp_path: Path) -> None:
    space = find_space(_file(tmp_path, WHOLE))

    assert (space.name, space.summary, space.default_data) == ("my_space", "Two filters or four.", "digits")
    assert space.baselines == {"small": {"filters": 2}}
    assert space.suggest(RandomSuggest(seed=0, images=DIGITS, classes=10)).fit.learning_rate == 0.01


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    first = find_space(_file(tmp_path, WHOLE))
    second = find_space(_file(tmp_path, WHOLE.replace("0.01", "0.02")))

    assert first.digest != second.digest
    assert second.suggest(RandomSuggest(seed=0, images=DIGITS, classes=10)).fit.learning_rate == 0.02


def test_an_unchanged_file_keeps_its_types(tmp_path: Path) -> None:
    text = WHOLE + "\n\nclass Mine:\n    pass\n\n\nsuggest.mine = Mine\n"
    name = _file(tmp_path, text)

    assert find_space(name).suggest.mine is find_space(name).suggest.mine  # type: ignore[attr-defined]


def test_a_file_may_import_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_a_space.py").write_text("RATE = 0.25\n")
    text = "import neighbour_of_a_space\n" + WHOLE.partition('"""\n\n')[2].replace("0.01", "neighbour_of_a_space.RATE")

    space = find_space(_file(tmp_path, text))

    assert space.suggest(RandomSuggest(seed=0, images=DIGITS, classes=10)).fit.learning_rate == 0.25


def test_a_dotted_module_is_a_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "their_package").mkdir()
    _file(tmp_path / "their_package", WHOLE, "nets.py")
    monkeypatch.syspath_prepend(tmp_path)

    assert find_space("their_package.nets").name == "nets"


@pytest.mark.parametrize("name", ["cnn_cifr", "no_such_package.nets", "spaces.nothing"])
def test_an_unknown_space_gets_the_list(name: str) -> None:
    with pytest.raises(UnknownNameError, match="Spaces: .*cnn_cifar.*Your own: --space path/to/file.py"):
        find_space(name)


def test_a_near_miss_is_suggested() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'cnn_cifar'"):
        find_space("cnn_cifr")


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match=r"no space file '.*nothing\.py'"):
        find_space(str(tmp_path / "nothing.py"))


def test_a_syntax_error_names_their_line(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match=r"'my_space\.py' has an error in line 3:\n    x = \(\n.*\n?SyntaxError"):
        find_space(_file(tmp_path, '"""A space."""\n\nx = (\n'))


def test_a_failing_import_names_their_line(tmp_path: Path) -> None:
    text = '"""A space."""\n\nimport no_such_package_at_all\n'

    with pytest.raises(SpaceError, match=r"line 3:\n    import no_such_package_at_all\nModuleNotFoundError"):
        find_space(_file(tmp_path, text))


def test_a_file_that_ends_the_process_does_not(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match=r"line 2:\n    sys\.exit\(3\)\nSystemExit: 3"):
        find_space(_file(tmp_path, "import sys\nsys.exit(3)\n"))


def test_an_error_while_choosing_names_their_line(tmp_path: Path) -> None:
    text = '"""A space."""\n\n\ndef suggest(trial):\n    return trial.filters\n'
    space = find_space(_file(tmp_path, text))

    with pytest.raises(SpaceError, match=r"line 5:\n    return trial\.filters\nAttributeError"):
        space.suggest(RandomSuggest(seed=0, images=DIGITS, classes=10))


def test_an_error_of_the_study_s_database_is_not_the_space_s(tmp_path: Path) -> None:
    text = '"""A space."""\nfrom sqlalchemy.exc import InvalidRequestError\n\ndef suggest(trial):\n'
    space = find_space(_file(tmp_path, text + "    raise InvalidRequestError('locked')\n"))

    with pytest.raises(Exception, match="locked") as caught:
        space.suggest(RandomSuggest(seed=0, images=DIGITS, classes=10))

    assert not isinstance(caught.value, SpaceError)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"""A space."""\n', "has no `suggest`"),
        ("suggest = 3\n", "has no `suggest`"),
        (WHOLE.replace('"digits"', "7"), "invalid DEFAULT_DATA 7 in 'my_space.py'"),
        (WHOLE + "REPEATS = True", "invalid REPEATS True in 'my_space.py': expected a whole number"),
        (WHOLE + "REPEATS = 0", "invalid REPEATS 0 in 'my_space.py': expected a whole number, 1 or more"),
        (WHOLE.replace('{"small": {"filters": 2}}', "[2]"), "BASELINES in 'my_space.py' is a list"),
        (WHOLE.replace('{"filters": 2}', "2"), "'small' in BASELINES of 'my_space.py' is a int"),
        (WHOLE.replace('{"filters": 2}', '{"filters": [2]}'), r"has filters = \[2\]"),
        (WHOLE + "STARTS = {'wide': [4]}", "'wide' in STARTS of 'my_space.py' is a list"),
    ],
)
def test_what_a_space_lacks_is_said(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        find_space(_file(tmp_path, text))


def test_suggest_must_return_a_recipe(tmp_path: Path) -> None:
    space = find_space(_file(tmp_path, "def suggest(trial):\n    return {}\n"))

    with pytest.raises(SpaceError, match="returned a dict: expected a Recipe"):
        space.suggest(RandomSuggest(seed=0, images=DIGITS, classes=10))


def test_a_network_without_the_base_is_named(tmp_path: Path) -> None:
    network = "import dataclasses\n\n\n@dataclasses.dataclass(frozen=True)\nclass Own:\n    units: int = 4\n\n\n"
    text = WHOLE.replace("DEFAULT_DATA", network + "DEFAULT_DATA").replace(
        "ConvNet(stages=(stage,), kernel=3)", "Own()"
    )

    with pytest.raises(SpaceError, match=r"network Own is not a Network: derive it, `class Own\(Network\)`"):
        find_space(_file(tmp_path, text)).suggest(RandomSuggest(seed=0, images=DIGITS, classes=10))
