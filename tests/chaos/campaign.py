"""Many schedules, one after the other, on databases that are started once; what violates a promise is kept."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import optuna

from search.storage.database import study_storage
from spaces.errors import TamizError
from tests.chaos.course import Course, Size, play
from tests.chaos.databases import Database, Server, SqliteFile
from tests.chaos.evidence import Findings, find, violations
from tests.chaos.schedules import Schedule
from tests.chaos.table import Outcome, judged
from tests.servers.postgres import PostgresServer, running_server


@dataclass(kw_only=True)
class Campaign:
    """Plays schedules, and remembers what undisturbed studies come to."""

    size: Size
    say: Callable[[str], None]
    server: PostgresServer | None = None
    _undisturbed: dict[int, Findings] = field(default_factory=dict)

    def outcome(self, schedule: Schedule) -> Outcome:
        """Play one schedule and judge it."""
        self.say(str(schedule))
        undisturbed = self._twin(schedule) if schedule.workers == 1 else None
        began = time.monotonic()
        with self._played(schedule) as (course, database):
            found, wrong = self._judge(course, database, undisturbed)
            outcome = judged(
                course,
                found,
                violations=wrong,
                seconds=time.monotonic() - began,
                is_compared=undisturbed is not None,
            )
            if outcome.violations:
                kept = Path(tempfile.mkdtemp(prefix=f"tamiz-chaos-{schedule.seed}-{schedule.number}-"))
                shutil.copytree(course.folder, kept, dirs_exist_ok=True, ignore_dangling_symlinks=True)
                self.say(f"  kept in {kept}")
        ends = ", ".join(f"{run.code} after {run.seconds:.0f} s" for run in course.runs)
        self.say(
            f"  {len(course.strikes)} faults, ended with {ends}; {outcome.epochs} epochs and "
            f"{outcome.epochs_again} again in {outcome.seconds:.0f} s"
        )
        for violation in outcome.violations:
            self.say(f"  VIOLATED: {violation}")
        return outcome

    def _judge(
        self, course: Course, database: Database, undisturbed: Findings | None
    ) -> tuple[Findings | None, list[str]]:
        try:
            found = find(course.study, database.url)
        except (TamizError, KeyError, OSError, ValueError) as error:
            return None, [f"the study can't be read: {error}"]
        return found, violations(course, found, size=self.size, undisturbed=undisturbed)

    def _twin(self, schedule: Schedule) -> Findings:
        """Return what the same study comes to when nothing strikes it."""
        if schedule.study_seed not in self._undisturbed:
            calm = Schedule(
                seed=schedule.seed,
                number=-1,
                study_seed=schedule.study_seed,
                workers=1,
                storage="sqlite",
                faults=(),
                starts=(),
            )
            with self._played(calm) as (course, database):
                found, wrong = self._judge(course, database, None)
                if found is None or wrong or course.violations:
                    raise RuntimeError(f"an undisturbed study is wrong: {[*course.violations, *wrong]}")
                self._undisturbed[schedule.study_seed] = found
        return self._undisturbed[schedule.study_seed]

    @contextmanager
    def _played(self, schedule: Schedule) -> Iterator[tuple[Course, Database]]:
        with tempfile.TemporaryDirectory(prefix="tc-", dir="/tmp") as name, self._database(schedule, name) as database:
            yield play(schedule, size=self.size, folder=Path(name), database=database), database

    @contextmanager
    def _database(self, schedule: Schedule, folder: str) -> Iterator[Database]:
        if schedule.storage == "sqlite":
            yield SqliteFile(path=Path(folder) / "runs" / "s" / "study.db")
            return
        if self.server is None:
            raise RuntimeError("this schedule needs PostgreSQL, which was not started")
        yield Server(server=self.server)
        with study_storage(self.server.url) as storage, contextlib.suppress(KeyError):
            optuna.delete_study(study_name="s", storage=storage)


def play_all(schedules: Sequence[Schedule], *, size: Size, say: Callable[[str], None]) -> Iterator[Outcome]:
    """Play schedules one after the other, telling of each as it goes."""
    with ExitStack() as ending:
        server = None
        if any(schedule.storage == "postgresql" for schedule in schedules):
            server = ending.enter_context(running_server())
        campaign = Campaign(size=size, say=say, server=server)
        for schedule in schedules:
            yield campaign.outcome(schedule)
