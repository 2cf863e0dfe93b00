"""Work that is timed in turn, by the clock and by the processor, and compared."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class Took:
    """What some work took."""

    seconds: float
    """By the clock."""
    processor_seconds: float
    """Of all threads of the process."""

    @property
    def idle(self) -> float:
        """Share of the time in which no thread computed; below 0 where two did at once."""
        return 1.0 - self.processor_seconds / self.seconds


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Some numbers, one a repeat."""

    median: float
    low: float
    high: float

    @staticmethod
    def of(values: Sequence[float]) -> Spread:
        """Return the spread of at least one number."""
        return Spread(median=statistics.median(values), low=min(values), high=max(values))

    def __str__(self) -> str:
        return f"{self.median:.2f} [{self.low:.2f}..{self.high:.2f}]"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The time of one thing over that of another, each pair measured one after the other."""

    wall: Spread
    processor: Spread

    @staticmethod
    def of(one: Sequence[Took], other: Sequence[Took]) -> Comparison:
        """Return the ratios of as many measurements of both."""
        pairs = list(zip(one, other, strict=True))
        return Comparison(
            wall=Spread.of([a.seconds / b.seconds for a, b in pairs]),
            processor=Spread.of([a.processor_seconds / b.processor_seconds for a, b in pairs]),
        )


def in_turn(repeats: int, ways: Sequence[Callable[[], Took]]) -> list[list[Took]]:
    """Return what each way took in each repeat."""
    taken: list[list[Took]] = [[] for _ in ways]
    for _ in range(repeats):
        for way, took in zip(ways, taken, strict=True):
            took.append(way())
    return taken


def timed(work: Callable[..., object], *given: object) -> Callable[[], Took]:
    """Return what does some work, after the rubbish of the work before is gone, and says what it took."""

    def run() -> Took:
        gc.collect()
        began, began_processor = time.perf_counter(), time.process_time()
        work(*given)
        return Took(seconds=time.perf_counter() - began, processor_seconds=time.process_time() - began_processor)

    return run


def median(took: Sequence[Took]) -> float:
    """Return the median of the seconds by the clock."""
    return statistics.median(one.seconds for one in took)


def idle_share(took: Sequence[Took]) -> Spread:
    """Return the shares of time in which nothing was computed."""
    return Spread.of([one.idle for one in took])


def as_plain(taken: Mapping[str, Sequence[Took]]) -> dict[str, list[dict[str, float]]]:
    """Return all measurements as JSON values."""
    return {name: [asdict(one) for one in took] for name, took in taken.items()}


def print_head(title: str, first: str, second: str, ratio: str) -> None:
    """Begin a table."""
    print(f"\n{title:24}  {first:>8}  {second:>8}  {ratio:>22}  {'by processor time':>20}")


def print_row(title: str, first: str, second: str, compared: Comparison, rest: str = "") -> None:
    """Print a line of a table."""
    print(f"{title:24}  {first:>8}  {second:>8}  {compared.wall!s:>22}  {compared.processor!s:>20}  {rest}".rstrip())
