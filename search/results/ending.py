"""The end of a run in words, as terminal, notebook and log show it."""

from __future__ import annotations

from reports.stored.expected_gain import gain_sentence
from reports.stored.for_the_record import BASELINE, START, RecordRow
from reports.stored.outcome import refit_words
from reports.wording import count, duration, listing, p_value
from search.results.summary import RunSummary, counts_in_words


def end_lines(summary: RunSummary) -> list[str]:
    """Return the lines printed at the end of a run, without the report's path."""
    warnings = [f"warning: {text}" for text in summary.data.warnings] if summary.data else []
    lines = [*warnings, *_best_lines(summary), *_test_lines(summary)]
    if summary.trials and summary.seconds:
        epochs = count(summary.epochs_trained, "epoch")
        lines.append(f"{counts_in_words(summary.trials)}; {epochs} in {duration(summary.seconds.total)}")
    if summary.reason:
        lines.append(f"ended: {summary.reason}")
    if summary.expected_gain and summary.metric:
        lines.append(gain_sentence(summary.expected_gain, summary.metric))
    if summary.model:
        lines.append(f"model: {summary.model}")
        lines.append("  its classes, in the order of its outputs: model_card.json beside it")
    if summary.more_command:
        lines.append(f"more trials: {summary.more_command}")
    if summary.resume_command:
        lines.append(f"resume with: {summary.resume_command}")
    return lines


def _best_lines(summary: RunSummary) -> list[str]:
    best = summary.best
    if best is None:
        return ["no trial is complete yet"]
    images = f" on {summary.data.validation:,} validation images" if summary.data else ""
    weights = f", {best.parameters:,} weights" if best.parameters is not None else ""
    epochs = count(best.epochs, "epoch")
    lines = [f"best {summary.metric} {best.value:.4f}{images}: trial {best.trial}{weights}, {epochs}"]
    lines += _confirmed_lines(summary)
    if (own := summary.best_of_search) is not None:
        rest = "" if summary.status == "done" else "; the winner is chosen again at the end of the search"
        lines.append(f"  the best score of the search is {own.value:.4f}, of trial {own.trial}{rest}")
    for name, score in (summary.baselines or {}).items():
        if score is None:
            lines.append(f"  baseline {name} has no score")
        elif name == best.baseline:
            lines.append(f"  which is baseline {name}: no trial beat it")
        elif score == best.value:
            lines.append(f"  equal to baseline {name} ({score:.4f})")
        else:
            lines.append(f"  {best.value - score:+.4f} against baseline {name} ({score:.4f})")
    return lines


def _confirmed_lines(summary: RunSummary) -> list[str]:
    confirmed, metric = summary.confirmed, summary.metric
    if confirmed is None or metric is None:
        return []
    if confirmed.mean is None or confirmed.interval_95 is None:
        return [] if confirmed.is_complete else ["  not confirmed yet on fresh seeds"]
    low, high = confirmed.interval_95
    seeds = sum(score is not None for score in confirmed.confirmed.scores) if confirmed.confirmed else 0
    spread = "" if confirmed.noise is None else f"; {confirmed.noise:.4f} standard deviation between seeds"
    interval = f"95 % interval {low:.4f} to {high:.4f}"
    # Another trial was measured before, and is the answer until the end of the run.
    trial = "" if summary.best and summary.best.trial == confirmed.chosen else f"trial {confirmed.chosen}: "
    lines = [f"  {trial}{confirmed.mean:.4f} in the mean of {count(seeds, 'fresh seed')} ({interval}){spread}"]
    if len(confirmed.tied) > 1:
        others = listing([f"trial {number}" for number in confirmed.tied[1:]], most=len(confirmed.tied))
        lines.append(f"  {others} cannot be told from it; the cheapest of them: trial {confirmed.cheapest}")
    return lines


def _test_lines(summary: RunSummary) -> list[str]:
    test = summary.test
    if test is None:
        return []
    scores = [("accuracy", test.accuracy, test.interval_95)]
    if test.score and test.score.metric != "accuracy":
        scores.insert(0, (test.score.metric, test.score.value, test.score.interval_95))
    lines = [
        f"test {metric} {value:.4f} on {test.images:,} test images (95 % interval {low:.4f} to {high:.4f})"
        for metric, value, (low, high) in scores
    ]
    if test.refit:
        lines.append(f"  {refit_words(test.refit)}")
    rows = summary.for_the_record.rows if summary.for_the_record else ()
    return lines + [line for row in rows if row.role in (BASELINE, START) and (line := _beside(row, test.accuracy))]


def _beside(row: RecordRow, accuracy: float) -> str:
    """Return "  accuracy +0.0583 against baseline by_hand (0.9111), p < 0.001"; empty for the answer itself."""
    if row.test is None:
        return f"  {row.role} {row.name} is not measured: {row.missing}"
    if row.against_answer is None:
        return ""
    ahead = f"{accuracy - row.test.accuracy:+.4f} against {row.role} {row.name} ({row.test.accuracy:.4f})"
    return f"  accuracy {ahead}, {p_value(row.against_answer.p_accuracy)}"
