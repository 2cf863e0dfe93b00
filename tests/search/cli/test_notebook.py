"""A search from a notebook: what it gives back, and how it shows itself."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from search import run
from search.cli.notebook import SearchResult
from search.option import BEGINNINGS, DURATION, FLAG, NAMES, NUMBER, RANGE, TEXT, WHOLE
from search.run_options import RunOptions
from search.settings import OPTIONS
from spaces.errors import UnknownNameError, UsageError
from spaces.recipe import ConvNet, Recipe
from tests.search.cli.test_output import DONE
from tests.search.fixtures.progress_plan import ended
from tests.search.results.test_status import RECIPE, _study


def _result(tmp_path: Path) -> SearchResult:
    folder = _study(tmp_path, ended(0, score=0.9), ended(1, score=None, state="FAIL"))
    assert DONE.best is not None
    best = replace(DONE.best, recipe=RECIPE.to_plain())
    return SearchResult(summary=replace(DONE, best=best, study="<img src=x>"), folder=folder.path)


def test_importing_search_stays_light() -> None:
    program = "import search, sys; print({'numpy', 'pandas', 'optuna', 'ray', 'click'} & {*sys.modules})"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout == "set()\n"


def test_the_trials_are_a_table_by_number(tmp_path: Path) -> None:
    trials = _result(tmp_path).trials

    assert list(trials.index) == [0, 1]
    assert list(trials["state"]) == ["COMPLETE", "FAIL"]
    assert list(trials["param_filters"]) == [16, 16]
    assert trials["score"].isna().tolist() == [False, True]


def test_the_winner_is_a_recipe(tmp_path: Path) -> None:
    best = _result(tmp_path).best

    assert best is not None
    assert (best.trial, best.score, best.recipe) == (7, 0.981, RECIPE)
    assert best.model_path == Path("runs/net-digits/best/model.keras")


def test_it_shows_itself_with_names_escaped(tmp_path: Path) -> None:
    shown = _result(tmp_path)._repr_html_()

    assert "best val_accuracy 0.9810" in shown
    assert "&lt;img src=x&gt;" in shown
    assert "<img" not in shown
    assert 'href="runs/net-digits/report.html"' in shown


def test_it_is_readable_without_a_notebook(tmp_path: Path) -> None:
    assert repr(_result(tmp_path)).endswith("report:\nruns/net-digits/report.html")


_ACCEPTED = {
    TEXT: {"str", "str | Path"},
    WHOLE: {"int"},
    NUMBER: {"float"},
    DURATION: {"float | str"},
    FLAG: {"bool"},
    NAMES: {"str | list[str] | tuple[str, ...]"},
    BEGINNINGS: {"str | list[str] | tuple[str, ...]"},
    RANGE: {"str | tuple[float, float]"},
}


def test_a_notebook_has_the_keywords_of_the_table_of_options() -> None:
    keywords = {name: str(kind.__forward_arg__) for name, kind in RunOptions.__annotations__.items()}

    assert list(keywords) == list(OPTIONS)
    assert [name for name, kind in keywords.items() if kind not in _ACCEPTED[OPTIONS[name].kind]] == []


def test_errors_are_raised() -> None:
    with pytest.raises(UnknownNameError, match="unknown space 'cnn_cifr'"):
        run(space="cnn_cifr", data="digits")
    with pytest.raises(UsageError, match="invalid --timeout '30': expected a duration"):
        run(space="cnn_cifar", data="digits", timeout="30")


@pytest.mark.slow
@pytest.mark.promise
def test_a_search_gives_its_result(tmp_path: Path) -> None:
    result = run(
        space="cnn_cifar", data="digits", trials=1, epochs=1, train_images=100, executor="inline", runs=tmp_path
    )

    assert len(result.trials) == 1
    assert result.report_path is not None
    assert result.report_path.is_file()
    assert result.best is not None
    assert isinstance(result.best.recipe, Recipe)
    assert isinstance(result.best.recipe.network, ConvNet)
