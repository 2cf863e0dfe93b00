"""The table: how often each kind of fault struck, and what it cost."""

from __future__ import annotations

from tests.chaos.table import Outcome, Row, as_object, rows, table


def outcome(*struck: tuple[str, int], violations: tuple[str, ...] = ()) -> Outcome:
    """Return what came out of a schedule with these strikes and their costs."""
    return Outcome(
        number=7,
        workers=1,
        storage="sqlite",
        seconds=30.0,
        runs=2,
        trials=6,
        epochs=24,
        epochs_again=sum(again for _, again in struck),
        unheard=0,
        is_compared=True,
        unstruck=0,
        silence_seconds=5.0,
        leftover_seconds=0.5,
        violations=violations,
        struck=struck,
    )


def test_strikes_are_counted_by_kind() -> None:
    played = [outcome(("driver: SIGKILL", 1), ("worker: SIGKILL", 0)), outcome(("driver: SIGKILL", 0))]
    assert rows(played) == [
        Row(kind="worker: SIGKILL", struck=1, epochs_again=0, worst=0),
        Row(kind="driver: SIGKILL", struck=2, epochs_again=1, worst=1),
    ]
    assert "| driver: SIGKILL | 2 | 1 | 1 |" in table(played).splitlines()


def test_what_was_violated_is_told_by_schedule() -> None:
    told = as_object([outcome(violations=("a trial was lost",)), outcome()], seed=0)
    assert (told["violations"], told["violated"]) == (1, {"7": ["a trial was lost"]})
