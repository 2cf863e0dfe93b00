"""Two-by-two tables of on/off choices."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from reports.findings.effects import effect_tables, find_switches
from reports.findings.importances import Importances
from reports.stored.run import Run, Trial

NO_IMPORTANCES = Importances(shares={}, trials=0)


def trial(number: int, score: float, **params: Any) -> Trial:
    return Trial(
        number=number,
        state="COMPLETE",
        params=params,
        score=score,
        record=None,
        recipe=None,
        history=None,
        confusion=None,
    )


def run_of(digits_run: Run, trials: list[Trial]) -> Run:
    return dataclasses.replace(digits_run, trials=tuple(trials))


def designed(digits_run: Run, *, repeats: int) -> Run:
    """Batch norm adds 0.1, dropout takes 0.2; the n-th repeat scores n thousandths more."""
    choices = [(norm, dropout, n) for norm in (False, True) for dropout in (0.0, 0.5) for n in range(repeats)]
    return run_of(
        digits_run,
        [
            trial(
                number,
                0.5 + 0.1 * norm - 0.2 * (dropout > 0) + n / 1000,
                norm=norm,
                dropout=dropout + n / 100 * (dropout > 0),
            )
            for number, (norm, dropout, n) in enumerate(choices)
        ],
    )


def test_a_flag_and_a_strength_that_may_be_zero_are_switches(digits_run: Run) -> None:
    found = {switch.name: switch.sides for switch in find_switches(designed(digits_run, repeats=5))}
    assert found == {"norm": ("no", "yes"), "dropout": ("0", "above 0")}


@pytest.mark.parametrize("sides", [("no", "yes"), ("0.5", "None"), ("None", "True")])
def test_two_choices_of_any_kind_are_a_switch(digits_run: Run, sides: tuple[str, str]) -> None:
    chosen = {"0.5": 0.5, "None": None, "True": True}
    trials = [trial(n, 0.5, p=chosen.get(sides[n % 2], sides[n % 2]), q=n % 4 > 1) for n in range(12)]
    (table,) = effect_tables(run_of(digits_run, trials), NO_IMPORTANCES, most=1)

    assert table.row.sides == sides
    assert [cell.count for line in table.cells for cell in line if cell] == [3] * 4


def test_a_choice_of_three_is_no_switch(digits_run: Run) -> None:
    trials = [trial(n, 0.5, optimizer=("adam", "sgd", "rmsprop")[n % 3]) for n in range(12)]
    assert find_switches(run_of(digits_run, trials)) == ()


def test_cells_hold_the_means_of_their_trials(digits_run: Run) -> None:
    (table,) = effect_tables(designed(digits_run, repeats=5), NO_IMPORTANCES, most=3)
    means = [[cell.mean for cell in line if cell] for line in table.cells]
    assert means == [pytest.approx([0.502, 0.302]), pytest.approx([0.602, 0.402])]


def test_cells_filled_alike_are_even(digits_run: Run) -> None:
    (table,) = effect_tables(designed(digits_run, repeats=5), NO_IMPORTANCES, most=3)
    assert not table.is_uneven


def test_few_trials_in_a_cell_are_uneven(digits_run: Run) -> None:
    (table,) = effect_tables(designed(digits_run, repeats=4), NO_IMPORTANCES, most=3)
    assert table.is_uneven


def test_what_differs_between_trials_is_varied(digits_run: Run) -> None:
    trials = [trial(0, 0.5, norm=True, rate=0.1, units=8), trial(1, 0.6, norm=False, rate=0.1)]
    assert run_of(digits_run, trials).varied == ("norm", "units")


def test_an_interval_of_a_fraction_stays_below_1(digits_run: Run) -> None:
    trials = [trial(n, 1.0 if n % 5 else 0.9, norm=bool(n % 2), flip=bool(n // 2 % 2)) for n in range(40)]
    (table,) = effect_tables(run_of(digits_run, trials), NO_IMPORTANCES, most=3)
    assert all(cell and cell.high is not None and cell.high <= 1.0 for line in table.cells for cell in line)
