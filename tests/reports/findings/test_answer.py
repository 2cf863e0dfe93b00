"""The answer: headline, baselines, cost, and how sure it is."""

from __future__ import annotations

import dataclasses
import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from sklearn.metrics import accuracy_score, f1_score

from objectives.evaluation.metrics import METRICS
from objectives.files import predictions as stored_predictions
from reports.classifier.intervals import bootstrap_p, wilson
from reports.findings.answer import Answer, describe_network
from reports.findings.findings import find
from reports.pages.page import render
from reports.stored import layout
from reports.stored.outcome import NO_MORE, SPACE_TRIED
from reports.stored.read import read_run
from reports.stored.run import Run
from reports.wording import name_on_test, score
from search.cli.app import run_command_line
from search.storage.database import study_storage
from search.winner.measure import measurement_of
from spaces.recipe import MLP, Fit, Recipe
from spaces.records import to_plain
from tests.reports.independent import SCIKIT_LEARN, bootstrapped
from tests.reports.run_folders import BASELINE, write_run

MLP_RECIPE = Recipe(network=MLP(units=(8, 8)), fit=Fit(learning_rate=0.1))


def answer_of(run: Run) -> Answer:
    return find(run).answer


def test_the_headline_gives_the_test_accuracy(digits_run: Run) -> None:
    assert digits_run.test is not None
    accuracy = accuracy_score(digits_run.test.labels, digits_run.test.probabilities.argmax(axis=1))
    assert re.fullmatch(
        rf"A convolutional network with \d+ convolutions reaches {100 * accuracy:.1f} % on images it never saw",
        answer_of(digits_run).headline,
    )


def test_without_a_measurement_the_headline_names_the_validation_score(digits_run: Run) -> None:
    unmeasured = dataclasses.replace(digits_run, measurement=None, test=None)
    best = max(trial.score for trial in digits_run.ranked if trial.score is not None)
    assert answer_of(unmeasured).headline.endswith(f"reaches {100 * best:.2f} % validation accuracy")


def test_the_winner_is_compared_with_each_baseline_on_the_same_images(digits_run: Run) -> None:
    winner = next(trial for trial in digits_run.ranked if not trial.baseline)
    assert digits_run.measurement is not None
    measured = dataclasses.replace(digits_run.measurement, trial=winner.number)
    (row,) = answer_of(dataclasses.replace(digits_run, measurement=measured)).baselines
    ours, theirs = digits_run.validation[winner.number], digits_run.validation[0]
    right = [one.probabilities.argmax(axis=1) == one.labels for one in (ours, theirs)]
    assert (row.name, row.trial) == (BASELINE, 0)
    assert row.only_winner_right is not None
    assert row.only_baseline_right is not None
    assert row.only_winner_right - row.only_baseline_right == int(right[0].sum()) - int(right[1].sum())


def asked_for(copied: Path, metric: str) -> Run:
    """Return the run as if another metric had been asked for, with the measurement of its winner."""
    settings = json.loads((copied / "settings.json").read_text())
    settings |= {"metric": metric, "direction": str(METRICS[metric].direction)}
    (copied / "settings.json").write_text(json.dumps(settings))
    run = read_run(copied)
    assert run.measurement is not None
    assert run.test is not None
    measured = measurement_of(run.measurement.trial, run.test, metric=metric)
    (copied / "best/measurement.json").write_text(json.dumps(to_plain(measured)))
    return read_run(copied)


def headline_numbers(page: str) -> tuple[float, float, float]:
    """Return value and interval of the first figure of a page, in the metric's own unit."""
    plain = " ".join(html.unescape(page).replace("\xa0", " ").split())
    found = re.search(r"<dt>[^<]*</dt> <dd>([\d.]+)( %)?</dd> <dd class=\"note\">([\d.]+)(?: %)? to ([\d.]+)", plain)
    assert found
    value, unit, low, high = found.groups()
    scale = 100 if unit else 1
    return float(value) / scale, float(low) / scale, float(high) / scale


@pytest.mark.parametrize("metric", METRICS)
def test_page_and_json_give_the_metric_that_predictions_npz_gives(
    copied: Path, metric: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked_for(copied, metric)
    stored = stored_predictions.load(copied / "best/predictions.npz")
    value = SCIKIT_LEARN[metric](stored.labels, stored.probabilities)
    if metric == "val_accuracy":
        (low, high), within = wilson(round(value * len(stored.labels)), len(stored.labels)), 1e-9
    else:
        low, high = np.percentile(bootstrapped(SCIKIT_LEARN[metric], stored), [2.5, 97.5])
        within = 0.15 * (high - low)

    for command in ("report", "status"):
        assert run_command_line([command, str(copied), "--json"]) == 0
        score_of = json.loads(capsys.readouterr().out)["test"]["score"]
        assert score_of["metric"] == metric.removeprefix("val_")
        assert score_of["value"] == pytest.approx(value, rel=1e-5)
        assert score_of["interval_95"] == pytest.approx([low, high], abs=within)

    run_command_line(["report", str(copied)])
    page = Path(capsys.readouterr().out.strip()).read_text()
    shown, *ends = headline_numbers(page)
    assert shown == pytest.approx(value, abs=0.00051 if metric == "val_accuracy" else 0.000051)
    assert ends == pytest.approx([low, high], abs=within + 0.00051)
    assert [round(end, 4) for end in ends] == [
        round(end, 3 if metric != "val_loss" else 4) for end in score_of["interval_95"]
    ]


@pytest.mark.parametrize("metric", METRICS)
def test_the_page_leads_with_the_metric_that_was_asked_for(copied: Path, metric: str) -> None:
    run = asked_for(copied, metric)
    answer, page = answer_of(run), " ".join(html.unescape(render(run, is_lite=True)).replace("\xa0", " ").split())
    assert answer.test is not None
    assert answer.test.score is not None
    value = answer.test.score.value
    leads = f"{100 * value:.1f} %" if metric == "val_accuracy" else score(value, metric)

    assert re.search(rf"<h1>[^<]* reaches {leads} ", page)
    assert f"<dt>T{name_on_test(metric)[1:]}</dt> <dd>{leads}</dd>" in page
    assert ("McNemar" in page) == (metric == "val_accuracy")


@pytest.mark.parametrize("metric", METRICS)
def test_an_older_measurement_is_completed_from_the_predictions(copied: Path, metric: str) -> None:
    now = answer_of(asked_for(copied, metric)).test
    path = copied / "best/measurement.json"
    path.write_text(json.dumps({key: of for key, of in json.loads(path.read_text()).items() if key != "score"}))

    assert answer_of(read_run(copied)).test == now


def test_the_paired_test_is_of_the_metric_that_was_asked_for(copied: Path) -> None:
    """A winner by F1 that is right less often is not called worse."""
    run = asked_for(copied, "macro_f1")
    ours, theirs = (run.validation[number] for number in [0, run.ranked[-1].number])
    differences = [
        np.array([f1_score(ours.labels[rows], one.probabilities[rows].argmax(axis=1), average="macro") for one in both])
        for both in [(ours, theirs)]
        for rows in resampled_rows(ours.labels)
    ]
    ahead = np.mean([first > second for first, second in differences])
    p = bootstrap_p(METRICS["macro_f1"], ours, theirs)

    assert p == pytest.approx(min(1.0, 2 * min(ahead, 1 - ahead)), abs=0.06)
    assert bootstrap_p(METRICS["macro_f1"], ours, ours) == 1.0


def resampled_rows(labels: np.ndarray) -> list[np.ndarray]:
    random, rows = np.random.default_rng(3), [np.flatnonzero(labels == label) for label in np.unique(labels)]
    return [np.concatenate([random.choice(of, len(of)) for of in rows]) for _ in range(300)]


@pytest.mark.parametrize("metric", METRICS)
def test_the_most_frequent_class_is_the_floor(copied: Path, metric: str) -> None:
    run = asked_for(copied, metric)
    assert run.winner is not None
    labels, counts = run.validation[run.winner.number].labels, np.array(run.record.data.class_counts)
    always = np.tile(counts / counts.sum(), (len(labels), 1))
    floor = answer_of(run).floor

    assert floor == pytest.approx(SCIKIT_LEARN[metric](labels, always), rel=1e-5)
    row = f'always the most frequent class</th><td class="number">{score(floor, metric)}<'
    assert row in render(run, is_lite=True).replace("\xa0", " ")


def test_a_class_without_test_images_is_named_once(copied: Path) -> None:
    run = asked_for(copied, "macro_f1")
    assert run.test is not None
    kept = run.test.labels != 3
    fewer = dataclasses.replace(
        run.test,
        labels=run.test.labels[kept],
        probabilities=run.test.probabilities[kept],
        images=run.test.images[kept],
    )
    said = "3 has no test images: the mean F1 over classes goes over the other 9 classes."

    assert answer_of(dataclasses.replace(run, test=fewer)).absent == said
    assert answer_of(run).absent == ""


def test_a_baseline_that_wins_is_said_to(digits_run: Run) -> None:
    only = dataclasses.replace(digits_run, trials=digits_run.trials[:1], measurement=None, test=None)
    assert answer_of(only).baseline_sentences == (
        f"The hand-made baseline {BASELINE} is still the best: the search found nothing better.",
    )


def test_many_beaten_baselines_share_a_sentence(digits_run: Run) -> None:
    winner = digits_run.ranked[0]
    assert winner.record is not None
    validated = digits_run.validation[winner.number]
    wrong = dataclasses.replace(validated, probabilities=1.0 - validated.probabilities)
    beaten = tuple(
        dataclasses.replace(winner, number=100 + place, record=dataclasses.replace(winner.record, baseline=name))
        for place, name in enumerate("abc")
    )
    run = dataclasses.replace(
        digits_run,
        trials=(winner, *beaten),
        record=dataclasses.replace(digits_run.record, baselines={name: {} for name in "abc"}),
        validation={winner.number: validated, 100: wrong, 101: wrong, 102: wrong},
        measurement=None,
        test=None,
    )
    (sentence,) = answer_of(run).baseline_sentences
    assert sentence == (
        f"On the same {len(validated.labels)} validation images the winner is right more often than "
        "each of a, b and c, by more than chance explains."
    )


def test_epochs_that_pruning_saved_are_counted(digits_run: Run) -> None:
    cost = answer_of(digits_run).cost
    assert (cost.epochs, cost.epochs_saved, cost.pruned) == (8 * 6 + 3 * 2, 3 * 4, 3)


@pytest.mark.parametrize(("running", "headline"), [(0, "No trial has finished yet"), (2, "No trial has finished yet")])
def test_a_study_without_a_finished_trial_says_so(tmp_path: Path, running: int, headline: str) -> None:
    run = read_run(write_run(tmp_path / "run", trials=0, running=running))
    assert answer_of(run).headline == headline


@pytest.mark.parametrize(
    ("stored", "recipe", "words"),
    [
        ("network of theirs", {"network": {"type": "TheirOwn"}}, "network of theirs"),
        (None, {"network": {"type": "TheirOwn"}}, "network"),
        (None, None, "network"),
        (None, MLP_RECIPE.to_plain(), "fully connected network with 2 hidden layers"),
    ],
    ids=["stored", "unknown type", "no recipe", "before it was stored"],
)
def test_a_network_is_described_as_stored_or_by_its_recipe(
    digits_run: Run, stored: str | None, recipe: dict[str, Any] | None, words: str
) -> None:
    (trial, *_) = digits_run.ranked
    assert trial.record is not None
    record = dataclasses.replace(trial.record, network=stored)

    assert describe_network(dataclasses.replace(trial, record=record, recipe=recipe)) == words


def test_an_exhausted_space_is_told_in_place_of_what_more_trials_would_gain(exhausted: Run) -> None:
    assert f"There can be no more trials: {SPACE_TRIED}." in html.unescape(render(exhausted))


@pytest.fixture
def exhausted(tmp_path: Path) -> Run:
    """Return a run whose database says that there can be no more trials."""
    folder = write_run(tmp_path / "run")
    with study_storage(f"sqlite:///{folder / layout.DATABASE}") as storage:
        study = optuna.load_study(study_name=read_run(folder).record.study, storage=storage)
        study.set_user_attr(NO_MORE, SPACE_TRIED)
    return read_run(folder)
