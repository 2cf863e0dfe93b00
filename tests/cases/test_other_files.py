"""Files of the user that are named like a package do not get in its way, wherever they lie."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_root = Path(__file__).parents[2]
_hostile = "raise RuntimeError('a file of the user was imported in place of a package')\n"
_packages = (
    "reports",
    "objectives",
    "spaces",
    "numpy",
    "keras",
    "optuna",
    "ray",
    "random",
    "types",
    "typing",
    "google",
)
_space = """
from mine.helper import rate
from spaces.recipe import ConvNet, Fit, Recipe, Stage

DEFAULT_DATA = "digits"


def suggest(trial):
    network = ConvNet(stages=(Stage(filters=trial.suggest_int("filters", 4, 8), convolutions=1),), kernel=3)
    return Recipe(network=network, fit=Fit(learning_rate=rate, batch_size=32))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder with a space in a package, and files that are named like what a search imports."""
    for package in _packages:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(_hostile)
    (tmp_path / "search").mkdir()  # found by `python -m` itself: only without code of its own
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "__init__.py").touch()
    (tmp_path / "mine" / "helper.py").write_text("rate = 0.01\n")
    (tmp_path / "mine" / "space.py").write_text(_space)
    return tmp_path


def _search(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "search", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(_root)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_packages_come_before_the_working_folder(folder: Path) -> None:
    shown = _search(folder, "spaces", "show", "cnn_cifar")
    assert (shown.returncode, shown.stderr) == (0, "")


@pytest.mark.slow
def test_a_folder_is_not_taken_for_an_optional_package_of_its_name(folder: Path) -> None:
    for package in ("pyarrow", "IPython"):  # pandas and Keras look for them, and for their versions
        (folder / package).mkdir()
    options = ["--trials", "1", "--epochs", "1", "--train-images", "100", "--executor", "inline"]
    done = _search(folder, "run", "--space", "cnn_cifar", "--data", "digits", *options)
    assert done.returncode == 0, done.stderr


_notebook = """
import sys
sys.path[0] = ""  # as in a notebook
{before}
from search import run
done = run(space="cnn_cifar", data="digits", trials=1, epochs=1, train_images=100, executor="inline", quiet=True)
print(done.summary.status, sys.modules["reports"].__file__)
"""


def _notebook_in(folder: Path, *, before: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _notebook.format(before=before)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(_root)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("before", ["", "import reports; assert reports.mine == 1"])
def test_a_notebook_keeps_its_package_reports(tmp_path: Path, before: str) -> None:
    (tmp_path / "reports").mkdir()
    own = tmp_path / "reports" / "__init__.py"
    own.write_text("mine = 1\n")
    (tmp_path / "spaces").mkdir()
    done = _notebook_in(tmp_path, before=before)
    assert done.stdout == f"done {own}\n", done.stderr


def test_a_module_that_hides_a_package_from_a_notebook_is_named(tmp_path: Path) -> None:
    (tmp_path / "reports.py").write_text("mine = 1\n")
    error = _notebook_in(tmp_path).stderr.splitlines()[-1]
    hidden = f"ImportError: {tmp_path / 'reports.py'} is found in place of Tamiz's package 'reports': rename it"
    assert error == hidden


@pytest.mark.slow
@pytest.mark.parametrize("where", [["--executor", "inline"], ["--workers", "1"]], ids=["inline", "ray"])
def test_a_search_with_a_space_of_the_working_folder_uses_its_neighbours_alone(folder: Path, where: list[str]) -> None:
    done = _search(folder, "run", "--space", "mine.space", "--trials", "1", "--epochs", "1", "--study", "one", *where)
    assert done.returncode == 0, done.stderr
    assert (folder / "runs" / "one" / "report.html").is_file()
