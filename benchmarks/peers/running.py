"""One tool's run: its process, the memory of all below it, and the epochs that it logged."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

import psutil

from benchmarks.peers.task import Mode

_look_seconds = 0.5
_end_seconds = 20.0
_rounding = 1e-6
"""Of an accuracy that Keras computed in single precision."""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A script that searches with one tool in one way."""

    name: str
    script: str
    """A module of `benchmarks.peers`."""
    arguments: tuple[str, ...] = ()
    slots: int = 2
    """Trainings at a time."""
    is_for_listed: bool = True
    """Whether it trains listed configurations in a way of its own."""


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """One epoch that a tool trained."""

    at: float
    """Seconds since the tool's process started, when the epoch was over."""
    trial: str
    score: float
    """Validation accuracy."""
    seconds: float
    """Of training and validation."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """One tool's run."""

    tool: str
    mode: Mode
    seed: int
    slots: int
    wall_seconds: float
    """Until its process ended, or was ended."""
    peak_mib: float
    """Of the proportional set sizes of all its processes together."""
    epochs: tuple[Epoch, ...]
    """In the order in which they were over."""

    @property
    def search_seconds(self) -> float:
        """From the start to the end of the last epoch."""
        return self.epochs[-1].at

    @property
    def trials(self) -> int:
        """How many began."""
        return len({epoch.trial for epoch in self.epochs})

    @property
    def best(self) -> float:
        """The best validation accuracy."""
        return max(epoch.score for epoch in self.epochs)

    @property
    def busy_share(self) -> float:
        """Share of the time of its slots that went into epochs, from the end of the first trial on."""
        ends = [max(e.at for e in own) for _, own in groupby(sorted(self.epochs, key=_trial), key=_trial)]
        first = min(ends)
        busy = sum(min(epoch.seconds, epoch.at - first) for epoch in self.epochs if epoch.at > first)
        return busy / (self.slots * (self.search_seconds - first)) if self.search_seconds > first else 0.0

    @property
    def overhead_seconds(self) -> float:
        """Time of its slots outside epochs, a trial; its own start counts."""
        return (self.slots * self.search_seconds - sum(epoch.seconds for epoch in self.epochs)) / self.trials

    def seconds_to(self, goal: float) -> float:
        """Seconds until an epoch's score reached a goal; infinite if none did."""
        return next((epoch.at for epoch in self.epochs if epoch.score >= goal - _rounding), float("inf"))


def run(tool: Tool, *, mode: Mode, seed: int, seconds: float | None, data: Path, log: Path) -> Ran:
    """Run one tool's script, to its end or for so many seconds.

    Raises:
        RuntimeError: it failed, with the end of what it said.
    """
    command = [sys.executable, "-m", f"benchmarks.peers.{tool.script}", "--mode", mode, "--seed", str(seed)]
    command += ["--data", str(data), "--log", str(log), *tool.arguments]
    log.touch()
    said = log.with_suffix(".txt")
    peak = 0.0
    with said.open("w") as file:
        began, began_at = time.monotonic(), time.time()
        process = psutil.Popen(command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)
        while process.poll() is None and (seconds is None or time.monotonic() - began < seconds):
            peak = max(peak, _memory_mib(process))
            time.sleep(_look_seconds)
        wall = time.monotonic() - began
        status = process.poll()
        _end(process)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    if status or not lines:
        raise RuntimeError(f"{tool.name} failed (exit status {status}):\n{said.read_text()[-3000:]}")
    epochs = [
        Epoch(at=line["at"] - began_at, trial=line["trial"], score=line["score"], seconds=line["seconds"])
        for line in lines
    ]
    return Ran(
        tool=tool.name,
        mode=mode,
        seed=seed,
        slots=tool.slots,
        wall_seconds=wall,
        peak_mib=peak,
        epochs=tuple(sorted((e for e in epochs if seconds is None or e.at <= seconds), key=lambda e: e.at)),
    )


def add_run(file: Path, ran: Ran) -> None:
    """Append a run to a file as a line of JSON."""
    with file.open("a") as lines:
        lines.write(json.dumps(asdict(ran)) + "\n")


def read_runs(file: Path) -> list[Ran]:
    """Return the runs that `add_run` wrote."""
    plain = [json.loads(line) for line in file.read_text().splitlines()]
    return [Ran(**{**one, "epochs": tuple(Epoch(**epoch) for epoch in one["epochs"])}) for one in plain]


def _trial(epoch: Epoch) -> str:
    return epoch.trial


def _memory_mib(process: psutil.Process) -> float:
    found = 0
    for each in _tree(process):
        try:
            found += each.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found / 2**20


def _tree(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _end(process: psutil.Popen) -> None:
    """End a tool, and what it started."""
    tree = _tree(process)
    if process.poll() is None:
        process.terminate()
    _, alive = psutil.wait_procs(tree, timeout=_end_seconds)
    for each in alive:
        each.kill()
    psutil.wait_procs(alive, timeout=_end_seconds)
