"""The table of curves: one list of trainings, measured as a search measures, that a kill does not damage."""

from __future__ import annotations

import fcntl
import gzip
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.curves import table
from benchmarks.curves.plan import CHANGED, DATA, planned
from benchmarks.curves.running import missing, train
from benchmarks.curves.showing import show
from benchmarks.curves.table import Row
from objectives.messages import Objective, StudyData
from spaces.catalogue import find_space
from spaces.errors import UsageError
from spaces.recipe import Augment

MEASURED = {"val_accuracy": 0.5, "val_accuracy_plain": 0.25, "macro_f1": 0.4, "accuracy": 0.6, "loss": 1.0}
MEASURED |= {"val_loss": 1.5, "cpu_seconds": 2.0}


def _rows(number: int) -> list[Row]:
    """As if it were trained."""
    return table.rows_for(number, [MEASURED] * planned()[number].epochs, weights=10, state="complete")


def _rows_unless_third(number: int) -> list[Row]:
    """A process that dies in the training of number 2."""
    if number == 2:
        os._exit(9)
    return _rows(number)


def test_the_list_is_the_same_in_every_process() -> None:
    program = "from benchmarks.curves.plan import planned; print(hash(str(planned())))"
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    texts = {
        subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True).stdout
        for _ in range(2)
    }

    assert len(texts) == 1
    assert texts != {""}


def test_the_list_has_what_each_data_set_was_given() -> None:
    assert Counter(training.data for training in planned()) == {
        "digits": 500, "fashion_mnist": 200, "cifar10": 150, "simpsons5": 50
    }  # fmt: skip
    seeds: dict[tuple[str, str, str], set[int]] = {}
    for training in planned():
        seeds.setdefault((training.data, training.space, str(training.parameters)), set()).add(training.seed)
    assert Counter(map(len, seeds.values()))[3] == 80
    assert sum(training.group == "random" for training in planned()) > len(planned()) / 2
    assert {training.data for training in planned()[:40]} == {"digits"}


def test_a_point_near_a_start_differs_from_it_in_a_few_parameters() -> None:
    for training in planned():
        if training.group == "near" and training.space != "mlp_fashion":  # whose choices add parameters
            space = find_space(training.space)
            starts = [*space.starts.values(), *space.baselines.values()]
            differing = [sum(training.parameters[name] != value for name, value in s.items()) for s in starts]
            assert 0 < min(differing) <= CHANGED


def test_a_run_trains_what_is_missing_and_no_more(tmp_path: Path) -> None:
    scratch, stored = tmp_path / "curves.csv", tmp_path / "curves.csv.gz"
    train(scratch, stored=stored, data=DATA, limit=2, rows_of=_rows)
    table.collect(scratch, stored)
    scratch.unlink()
    train(scratch, stored=stored, data=DATA, limit=1, rows_of=_rows)

    assert [*table.read(scratch)] == [2]
    assert missing(scratch, stored, ["digits"])[0] == 3
    assert all(planned()[number].data == "cifar10" for number in missing(scratch, stored, ["cifar10"]))


def test_a_training_whose_process_dies_is_recorded_as_failed_and_not_repeated(tmp_path: Path) -> None:
    scratch, stored = tmp_path / "curves.csv", tmp_path / "curves.csv.gz"
    train(scratch, stored=stored, data=DATA, limit=4, rows_of=_rows_unless_third)

    states = {number: [row["state"] for row in rows] for number, rows in table.read(scratch).items()}
    assert states == {0: ["complete"] * 8, 1: ["complete"] * 8, 2: ["failed"], 3: ["complete"] * 8}
    assert missing(scratch, stored, DATA)[0] == 4


@pytest.mark.parametrize("cut", [5, 200, 900])
def test_a_scratch_file_that_a_kill_cut_short_loses_its_last_training(tmp_path: Path, cut: int) -> None:
    scratch, stored = tmp_path / "curves.csv", tmp_path / "curves.csv.gz"
    train(scratch, stored=stored, data=DATA, limit=2, rows_of=_rows)
    os.truncate(scratch, scratch.stat().st_size - cut)
    train(scratch, stored=stored, data=DATA, limit=2, rows_of=_rows)

    assert {number: len(rows) for number, rows in table.read(scratch).items()} == {0: 8, 1: 8, 2: 8}


def test_two_runs_do_not_write_one_file(tmp_path: Path) -> None:
    scratch = tmp_path / "curves.csv"

    def other_run(number: int) -> list[Row]:
        raise AssertionError(number)

    with scratch.open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another process writes"):
            train(scratch, stored=tmp_path / "none.csv.gz", data=DATA, rows_of=other_run)


def test_files_of_another_list_are_refused(tmp_path: Path) -> None:
    scratch = tmp_path / "curves.csv"
    scratch.write_text(table.lines([{**row, "recipe": "0" * 12} for row in _rows(0)]))

    with pytest.raises(UsageError, match="training 0 "):
        missing(scratch, tmp_path / "none.csv.gz", DATA)


def test_collecting_the_same_rows_makes_the_same_bytes(tmp_path: Path) -> None:
    rows = {number: _rows(number) for number in range(3)}
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    one.write_text("".join(table.lines(rows[number]) for number in (0, 1, 2)))
    other.write_text("".join(table.lines(rows[number]) for number in (2, 0, 1)))
    tables = [tmp_path / "one.csv.gz", tmp_path / "other.csv.gz"]
    for scratch, stored in zip((one, other), tables, strict=True):
        table.collect(scratch, stored)
        table.collect(scratch, stored)  # again: adds nothing

    assert tables[0].read_bytes() == tables[1].read_bytes()
    assert table.read(tables[0]) == rows
    assert gzip.decompress(tables[0].read_bytes()).startswith(b"training,data,")


def test_show_correlates_the_scores_of_random_recipes_with_their_last_ones(capsys: pytest.CaptureFixture[str]) -> None:
    numbers = [
        number
        for number, training in enumerate(planned())
        if (training.data, training.space) == ("digits", "cnn_cifar")
        and training.parameters["schedule"] == "constant"
        and training.parameters["batch_norm"]
    ]
    trainings = {}
    for number in numbers[:60]:
        rising = [{**MEASURED, "val_accuracy": number / 900 + epoch / 90} for epoch in range(8)]
        rising[0]["val_accuracy_plain"] = 0.5 - number / 900
        rising[-1]["val_accuracy_plain"] = 0.5 + number / 900
        trainings[number] = table.rows_for(number, rising, weights=10, state="complete")
    count = sum(planned()[number].group == "random" for number in trainings)
    show(trainings)
    lines = capsys.readouterr().out.splitlines()

    assert next(line for line in lines if line.startswith("| constant")).startswith(
        f"| constant, with batch norm | {count} | corrected | 1.00 [1.00..1.00] | 1.00"
    )
    assert [line for line in lines if line.startswith("| constant")][1].startswith(
        f"| constant, with batch norm | {count} | as Keras keeps them | -1.00 [-1.00..-1.00] | nan"
    )


def test_the_table_is_small_and_whole() -> None:
    trainings = table.read(table.TABLE)
    rows = [row for rows in trainings.values() for row in rows]

    assert table.TABLE.stat().st_size < 5_000_000
    assert len(trainings) > 200
    assert gzip.decompress(table.TABLE.read_bytes()).count(b"\n") == len(rows) + 1
    assert all(float(row["val_accuracy"]) <= 1.0 for row in rows if row["state"] == "complete")


@pytest.mark.slow
def test_plain_averages_are_those_of_an_uncorrected_training_and_measuring_them_changes_nothing(
    small_digits: StudyData,
) -> None:
    from benchmarks.curves.measuring import MeasuredTraining  # Keras: the processes of the quick tests do without
    from objectives.training.training import Training
    from tests.objectives.training.test_running_averages import NORMED

    def scores(*, corrects: bool) -> list[float]:
        objective = Objective(metric="val_accuracy", epochs=3, corrects_averages=corrects)
        training = Training(recipe=NORMED, data=small_digits, objective=objective, seed=0)
        return [training.advance().score for _ in range(3)]

    measured = MeasuredTraining(recipe=NORMED, data=small_digits, epochs=3, seed=0)
    pairs = [(measured.advance().score, measured.plain_accuracy()) for _ in range(3)]

    assert [corrected for corrected, _ in pairs] == scores(corrects=True)
    assert [plain for _, plain in pairs] == pytest.approx(scores(corrects=False), abs=1.5 / 80)  # an image or so
    assert pairs[0][0] > pairs[0][1] + 0.2


@pytest.mark.slow
def test_recomputing_statistics_leaves_a_training_as_it_was(small_digits: StudyData) -> None:
    from benchmarks.curves.precise import PreciseTraining
    from tests.objectives.training.test_running_averages import NORMED

    recipe = replace(NORMED, network=replace(NORMED.network, dropout=0.1), augment=Augment(shift=0.1))
    trained = PreciseTraining(recipe=recipe, data=small_digits, epochs=2, seed=0)
    expected = [trained.advance().score for _ in range(2)]
    measured = PreciseTraining(recipe=recipe, data=small_digits, epochs=2, seed=0)
    scores, recomputed = [], []
    for _ in range(2):
        scores.append(measured.advance().score)
        recomputed += [measured.precise(batches=3, augments=augments)[0] for augments in (False, True)]

    assert scores == expected
    assert min(recomputed) > 0.4


@pytest.mark.slow
def test_a_killed_run_resumes(tmp_path: Path) -> None:
    scratch, stored = tmp_path / "curves.csv", tmp_path / "curves.csv.gz"
    command = [sys.executable, "-m", "benchmarks.curves", "train", "--data", "digits"]
    command += ["--scratch", str(scratch), "--table", str(stored)]
    run = subprocess.Popen(command, start_new_session=True)
    until = time.monotonic() + 200
    while not table.read(scratch) and time.monotonic() < until:
        time.sleep(0.2)
    run.send_signal(signal.SIGKILL)  # its child notices, and ends as well
    run.wait()
    first = table.read(scratch)
    subprocess.run([*command, "--limit", "1"], check=True)

    assert len(first) >= 1
    assert table.read(scratch) == first | {len(first): table.read(scratch)[len(first)]}
    assert all(float(row["val_accuracy"]) > 0.1 for rows in first.values() for row in rows[2:])
