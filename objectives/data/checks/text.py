"""A data check in plain text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from objectives.data.checks.records import DataCheck, Tally
from objectives.data.records import BadFile

LISTED = 20
"""Files or groups of a kind that are named; the rest is counted."""


def lines(check: DataCheck) -> list[str]:
    """Return what a check found, for a terminal of any width; problems are last."""
    return [*_counts(check), *_listings(check), *_verdict(check)]


def _counts(check: DataCheck) -> Iterator[str]:
    total = sum(count.images for count in check.classes)
    yield f"{check.name}: {total} readable images, {len(check.classes)} classes"
    width = max([5, *(len(count.label) for count in check.classes)])
    yield f"  {'class':<{width}}  {'train':>7}  {'val':>7}  {'test':>7}"
    for count in check.classes:
        yield f"  {count.label:<{width}}  {count.train:>7}  {count.validation:>7}  {count.test:>7}"
    yield f"  largest class to smallest, in train: {check.imbalance:.1f} to 1"
    yield f"  sizes: {_tallies(check.sizes)}"
    yield f"  modes: {_tallies(check.modes)}"
    yield from (f"  {line}" for line in check.pixel_values)


def _tallies(tallies: Sequence[Tally]) -> str:
    shown = ", ".join(f"{tally.kind} ({tally.images})" for tally in tallies[:5])
    return f"{shown} and {len(tallies) - 5} more" if len(tallies) > 5 else shown or "none"


def _listings(check: DataCheck) -> Iterator[str]:
    yield from _listing("unreadable files", [_file(file) for file in check.bad_files])
    yield from _listing("files passed over", [_file(file) for file in check.ignored])
    groups = [
        f"{' = '.join(group.files)} ({', '.join(group.parts)}; {', '.join(group.labels)})"
        for group in sorted(check.duplicates, key=lambda group: -len(group.parts))
    ]
    yield from _listing("duplicates", groups)


def _file(file: BadFile) -> str:
    return f"{file.path}: {file.problem}"


def _listing(title: str, entries: Sequence[str]) -> Iterator[str]:
    if not entries:
        return
    yield f"{title}: {len(entries)}"
    yield from (f"  {entry}" for entry in entries[:LISTED])
    if len(entries) > LISTED:
        yield f"  and {len(entries) - LISTED} more"


def _verdict(check: DataCheck) -> Iterator[str]:
    yield from (f"note: {oddity}" for oddity in check.oddities)
    yield from (f"problem: {problem}" for problem in check.problems)
    yield "fit for a search" if check.is_fit else "not fit for a search"
