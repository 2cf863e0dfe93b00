"""One schedule, played: the study is begun, struck, and continued until it is done."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.chaos.databases import Database
from tests.chaos.epoch_log import EpochLog
from tests.chaos.processes import Driver, Marked
from tests.chaos.schedules import Fault, Kind, Schedule

_watched_space = Path(__file__).with_name("watched_space.py")
"""Copied, never imported: it changes what it watches."""
_look_seconds = 0.03
_longest_run_seconds = 300.0
_longest_silence_seconds = 60.0
_leftover_seconds = 30.0
_most_runs_beyond_faults = 6
_resumable = (5, 130, 143)
_OF_RAY = {Kind.RAYLET_KILLED, Kind.RAYLET_STOPPED, Kind.GCS_KILLED, Kind.GCS_STOPPED}


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large a study is."""

    trials: int = 6
    epochs: int = 4


@dataclass(frozen=True, kw_only=True)
class Strike:
    """A fault that struck."""

    fault: Fault
    run: int
    at: float
    """Seconds since 1970."""


@dataclass(frozen=True, kw_only=True)
class RunEnd:
    """How one run of the driver ended."""

    code: int
    seconds: float
    silence_seconds: float
    """The longest time without a line on the terminal, while it was not stopped."""


@dataclass(kw_only=True)
class Course:
    """What happened; `play` fills it."""

    schedule: Schedule
    folder: Path
    strikes: list[Strike] = field(default_factory=list)
    runs: list[RunEnd] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    leftover_seconds: float = 0.0
    """How long the last processes outlived their driver at the end."""

    @property
    def study(self) -> Path:
        """The run folder."""
        return self.folder / "runs" / "s"

    @property
    def log(self) -> EpochLog:
        """Which epochs were trained and heard of."""
        return EpochLog.read(self.folder / "epochs.log")


def play(schedule: Schedule, *, size: Size, folder: Path, database: Database) -> Course:
    """Search a study under a schedule, and return what happened; nothing of it is left running.

    Args:
        schedule: what is done to it.
        size: of the study.
        folder: an empty one; its path must be short, since Ray's sockets lie below it.
        database: where the study is kept.
    """
    course = Course(schedule=schedule, folder=folder)
    player = _Player(course, size=size, database=database)
    try:
        player.play()
    finally:
        player.end()
    return course


class _Player:
    def __init__(self, course: Course, *, size: Size, database: Database) -> None:
        self._course = course
        self._size = size
        self._database = database
        self._marked = Marked()
        self._faults = deque(course.schedule.faults)
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._finished: dict[int, tuple[bytes, int]] = {}
        self._stopped_seconds = 0.0
        (course.folder / "t").mkdir()
        shutil.copy(_watched_space, course.folder / "watched.py")

    def play(self) -> None:
        course, starts = self._course, iter(self._course.schedule.starts)
        code = self._run("run")
        while code != 0 and not course.violations:
            if len(course.runs) > len(course.schedule.faults) + _most_runs_beyond_faults:
                course.violations.append(f"not done after {len(course.runs)} runs")
                return
            start = next(starts, None)
            self._wait(0.5 if start is None else start.pause_seconds)
            is_begun = (course.study / "settings.json").exists()
            code = self._run("resume" if is_begun and (start is None or start.verb == "resume") else "run")
        while self._later:
            self._wait(0.1)
        course.violations += self._done_again()
        gone = self._marked.seconds_until_gone(_leftover_seconds)
        if gone is None:
            names = sorted({process.name() for process in self._marked.alive()})
            course.violations.append(f"left running after {_leftover_seconds:.0f} s: {', '.join(names)}")
        course.leftover_seconds = _leftover_seconds if gone is None else gone
        if left := [path.name for path in (course.folder / "t").iterdir()]:
            course.violations.append(f"left in the temporary folder: {', '.join(sorted(left))}")

    def end(self) -> None:
        """Leave nothing running, whatever happened."""
        self._marked.kill()
        for _, act in self._later:
            act()
        self._database.come_back()

    def _run(self, verb: str) -> int:
        """Let one driver live to its end, with the faults that are due meanwhile; return its exit code."""
        course, number = self._course, len(self._course.runs)
        lines_before = len(course.log.lines)
        driver = self._marked.start(
            self._arguments(verb),
            environment={"TMPDIR": str(course.folder / "t"), **self._database.environment},
            folder=course.folder,
            log=f"run{number}",
        )
        began, self._stopped_seconds = time.monotonic(), 0.0
        silence, anchor, reached = _Silence(driver.stderr), len(course.log.heard), None
        while driver.process.poll() is None:
            self._look()
            silence.listen(but_seconds=self._stopped_seconds)
            if self._faults:
                fault = self._faults[0]
                if reached is None and self._is_reached(fault, anchor):
                    reached = time.monotonic()
                if reached is not None and time.monotonic() >= reached + fault.seconds and self._strike(fault, driver):
                    course.strikes.append(Strike(fault=fault, run=number, at=time.time()))
                    self._faults.popleft()
                    anchor, reached = len(course.log.heard), None
            if time.monotonic() - began > _longest_run_seconds:
                course.violations.append(f"run {number} hung: not over after {_longest_run_seconds:.0f} s")
                driver.send(signal.SIGKILL)
                driver.process.wait()
            time.sleep(_look_seconds)
        self._look()
        silence.listen(but_seconds=self._stopped_seconds)
        code = driver.process.returncode
        course.runs.append(RunEnd(code=code, seconds=time.monotonic() - began, silence_seconds=silence.longest))
        heard = any(line.verb == "heard" for line in course.log.since(lines_before))
        course.violations += self._faults_of_end(driver, number=number, code=code, heard=heard)
        if silence.longest > _longest_silence_seconds:
            course.violations.append(f"run {number} said nothing for {silence.longest:.0f} s")
        return code

    def _arguments(self, verb: str) -> Sequence[str]:
        schedule, folder = self._course.schedule, self._course.folder
        if verb == "resume":
            return ["resume", "s", "--runs", str(folder / "runs"), "--json"]
        sizes = ["--trials", str(self._size.trials), "--epochs", str(self._size.epochs), "--train-images", "1000"]
        workers = ["--workers", str(schedule.workers), "--seed", str(schedule.study_seed)]
        places = ["--study", "s", "--runs", str(folder / "runs"), "--space", str(folder / "watched.py")]
        return ["run", *places, *sizes, *workers, *self._database.options, "--json"]

    def _is_reached(self, fault: Fault, anchor: int) -> bool:
        if fault.epochs is None:
            return len(self._finished) >= self._size.trials
        return len(self._course.log.heard) >= anchor + fault.epochs

    def _strike(self, fault: Fault, driver: Driver) -> bool:
        """Do it; False where there is nothing yet that it could strike."""
        match fault.kind:
            case Kind.WORKER_KILLED:
                return self._send(driver.workers(), fault, signal.SIGKILL)
            case Kind.WORKER_TERMINATED:
                return self._send(driver.workers(), fault, signal.SIGTERM)
            case Kind.WORKER_STOPPED:
                return self._send(driver.workers(), fault, signal.SIGSTOP)
            case Kind.RAYLET_KILLED:
                return self._send(driver.raylets(), fault, signal.SIGKILL)
            case Kind.RAYLET_STOPPED:
                return self._send(driver.raylets(), fault, signal.SIGSTOP)
            case Kind.GCS_KILLED:
                return self._send(driver.stores(), fault, signal.SIGKILL)
            case Kind.GCS_STOPPED:
                return self._send(driver.stores(), fault, signal.SIGSTOP)
            case Kind.DRIVER_KILLED:
                driver.send(signal.SIGKILL)
            case Kind.DRIVER_TERMINATED:
                driver.send(signal.SIGTERM)
            case Kind.DRIVER_INTERRUPTED:
                driver.send(signal.SIGINT)
            case Kind.DRIVER_INTERRUPTED_TWICE:
                driver.send(signal.SIGINT)
                self._after(fault.lasts_seconds, lambda: driver.send(signal.SIGINT))
            case Kind.DRIVER_STOPPED:
                driver.send(signal.SIGSTOP)
                self._stopped_seconds += fault.lasts_seconds
                self._after(fault.lasts_seconds, lambda: driver.send(signal.SIGCONT))
            case Kind.DATABASE_AWAY:
                if not self._database.go_away():
                    return False
                self._after(fault.lasts_seconds, self._database.come_back)
        return True

    def _send(self, processes: Sequence[psutil.Process], fault: Fault, number: int) -> bool:
        if not processes:
            return False
        struck = processes[fault.worker % len(processes)]

        def send(what: int) -> None:
            with contextlib.suppress(psutil.NoSuchProcess):
                struck.send_signal(what)

        send(number)
        if number == signal.SIGSTOP:
            self._after(fault.lasts_seconds, lambda: send(signal.SIGCONT))
        return True

    def _after(self, seconds: float, act: Callable[[], None]) -> None:
        self._later.append((time.monotonic() + seconds, act))

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._look()
            time.sleep(_look_seconds)

    def _look(self) -> None:
        """Do what is due, and see which trials have ended."""
        now = time.monotonic()
        due = [act for at, act in self._later if at <= now]
        self._later = [(at, act) for at, act in self._later if at > now]
        for act in due:
            act()
        for path in self._course.study.glob("trials/*/result.json"):
            trial = int(path.parent.name)
            if trial not in self._finished:
                self._finished[trial] = (path.read_bytes(), len(self._course.log.lines))

    def _done_again(self) -> list[str]:
        """Return what was done again, or undone, of trials that had ended."""
        found = []
        for trial, (result, lines) in sorted(self._finished.items()):
            path = self._course.study / "trials" / f"{trial:04}" / "result.json"
            if not path.exists() or path.read_bytes() != result:
                found.append(f"the result of trial {trial} was lost or written again")
            if any(line.trial == trial for line in self._course.log.since(lines)):
                found.append(f"trial {trial} was trained after it had ended")
        return found

    def _faults_of_end(self, driver: Driver, *, number: int, code: int, heard: bool) -> list[str]:
        """Return what is wrong with how a run ended; what was struck before it listened may end as it likes."""
        kinds = {strike.fault.kind for strike in self._course.strikes if strike.run == number}
        lines = driver.stderr.read_text().splitlines()
        has_begun = (self._course.study / "settings.json").exists()
        if code == -signal.SIGKILL and Kind.DRIVER_KILLED in kinds:
            return []
        if code in (-signal.SIGINT, -signal.SIGTERM) and "loading digits" not in lines:
            return []
        if code in (1, 2) and kinds & _OF_RAY and not heard:  # Ray itself ends a process in which it can't start
            return []
        last = lines[-1][:300] if lines else "nothing said"
        where = f"run {number} ended with {code}"
        if code not in (0, *_resumable):
            return [f"{where}: {last}"]
        found = []
        said = _object(driver.stdout)
        if said is None or said.get("exit_code") != code:
            found.append(f"{where} and printed no object that says so")
        if code and has_begun and not last.startswith("resume with: "):
            found.append(f"{where} without a line that says how to resume: {last}")
        if code and has_begun and said and not said.get("resumable"):
            found.append(f"{where} and is not resumable")
        return found


class _Silence:
    """Measures how long a program writes nothing."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._size = 0
        self._since = time.monotonic()
        self._excused = 0.0
        self.longest = 0.0

    def listen(self, *, but_seconds: float) -> None:
        """Look now; so many seconds since the beginning it could not have written."""
        now, size = time.monotonic(), self._file.stat().st_size
        self.longest = max(self.longest, now - self._since - (but_seconds - self._excused))
        if size != self._size:
            self._size, self._since, self._excused = size, now, but_seconds


def _object(stdout: Path) -> dict[str, Any] | None:
    try:
        said = json.loads(stdout.read_text())
    except ValueError:
        return None
    return said if isinstance(said, dict) else None
