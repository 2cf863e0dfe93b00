"""A trial that runs out of a GPU's memory, with scripted workers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

from objectives.device_report import Device
from objectives.messages import TrainingFailure, TrainingTask
from search.driver.loop import Search
from search.results.run_folder import RunFolder
from tests.search.fixtures.parts import search_parts
from tests.search.fixtures.scripted_workers import Play, ScriptedWorkers, steady
from tests.search.fixtures.toy import ListeningProgress, toy_settings, toy_study

_GIB = 2**30
_GPU = Device(
    kind="gpu", name="NVIDIA L4", backend="jax 0.10.2", precision="float32", memory_bytes=24 * _GIB, capability="8.9"
)


def _out_of_memory(*scores: float, shares_gpu: bool, requested_bytes: int | None = None) -> Play:
    failure = TrainingFailure(
        cause="gpu_oom",
        message="out of GPU memory at epoch 2",
        shares_gpu=shares_gpu,
        requested_bytes=requested_bytes,
    )
    return Play(scores=scores, failure=failure)


class _Searched:
    """A search of four trials on three workers that share a GPU."""

    def __init__(self, tmp_path: Path, play: Callable[[TrainingTask], Play], *, sampler: str = "random") -> None:
        settings, self.progress = toy_settings(sampler=sampler), ListeningProgress()
        self.beside: dict[tuple[int, int], int] = {}
        """Trainings under way when an attempt, (trial, attempt), began."""

        def counted(task: TrainingTask) -> Play:
            self.beside[task.trial, task.attempt] = self.workers.running
            return play(task)

        self.workers = ScriptedWorkers(counted, count=3, device=_GPU)
        self.storage = optuna.storages.InMemoryStorage()
        study = toy_study(settings, storage=self.storage)
        folder = RunFolder.at(tmp_path, settings.study)
        Search(
            search_parts(settings=settings, study=study, workers=self.workers, folder=folder, progress=self.progress)
        ).run()
        self.record = {record.trial: record for record in self.progress.ended_trials}

    @property
    def constraints(self) -> list[dict[str, float]]:
        return [trial.constraints for trial in optuna.load_study(study_name="toy", storage=self.storage).trials]


def test_a_trial_beside_others_is_retried_with_the_gpu_to_itself(tmp_path: Path) -> None:
    def play(task: TrainingTask) -> Play:
        return _out_of_memory(0.4, shares_gpu=True) if task.trial == 1 and not task.needs_whole_gpu else steady(0.5)

    searched = _Searched(tmp_path, play)
    assert [(task.trial, task.attempt) for task in searched.workers.tasks if task.needs_whole_gpu] == [(1, 2)]
    assert searched.beside[1, 2] == 0
    assert (searched.record[1].state, searched.record[1].score) == ("COMPLETE", 0.5)


def test_nothing_starts_beside_it_until_it_has_ended(tmp_path: Path) -> None:
    def play(task: TrainingTask) -> Play:
        return _out_of_memory(0.4, shares_gpu=True) if task.trial == 0 and not task.needs_whole_gpu else steady(0.5)

    searched = _Searched(tmp_path, play)
    order = [task.trial for task in searched.workers.tasks]
    assert order == [0, 1, 2, 0, 3]
    assert searched.beside[3, 1] == 0


def test_the_sampler_learns_nothing_from_what_others_caused(tmp_path: Path) -> None:
    def play(task: TrainingTask) -> Play:
        return _out_of_memory(0.4, shares_gpu=True) if task.trial == 1 and not task.needs_whole_gpu else steady(0.5)

    searched = _Searched(tmp_path, play)
    assert searched.constraints == [{}] * 4


def test_one_that_is_alone_is_pruned_with_a_constraint(tmp_path: Path) -> None:
    def play(task: TrainingTask) -> Play:
        if task.trial != 1:
            return steady(0.5)
        return _out_of_memory(0.4, shares_gpu=not task.needs_whole_gpu, requested_bytes=6 * _GIB)

    searched = _Searched(tmp_path, play)
    record = searched.record[1]
    assert (record.state, record.cause, record.attempt, record.missing_memory) == ("PRUNED", "gpu_oom", 2, 0.25)
    assert searched.constraints == [{}, {"gpu_memory": 0.25}, {}, {}]


@pytest.mark.parametrize("requested_bytes", [None, 100 * _GIB])
def test_what_is_unknown_or_more_than_a_gpu_counts_as_a_whole_one(tmp_path: Path, requested_bytes: int | None) -> None:
    searched = _Searched(
        tmp_path,
        lambda task: (
            _out_of_memory(shares_gpu=False, requested_bytes=requested_bytes) if task.trial == 2 else steady(0.5)
        ),
    )
    assert searched.constraints[2] == {"gpu_memory": 1.0}


def test_a_trial_without_others_on_its_gpu_is_not_retried(tmp_path: Path) -> None:
    searched = _Searched(
        tmp_path, lambda task: _out_of_memory(0.4, shares_gpu=False) if task.trial == 1 else steady(0.5)
    )
    assert [task.trial for task in searched.workers.tasks].count(1) == 1


@pytest.mark.parametrize("sampler", ["tpe", "nearby", "cmaes", "qmc", "nsga2"])
@pytest.mark.filterwarnings("error")
def test_every_sampler_goes_on_after_a_constraint(tmp_path: Path, sampler: str) -> None:
    searched = _Searched(
        tmp_path, lambda task: _out_of_memory(shares_gpu=False) if task.trial == 1 else steady(0.5), sampler=sampler
    )
    assert [searched.record[trial].state for trial in range(4)] == ["COMPLETE", "PRUNED", "COMPLETE", "COMPLETE"]


def test_the_device_is_in_the_record_and_reported_once(tmp_path: Path) -> None:
    searched = _Searched(tmp_path, lambda task: steady(0.5))
    words = "NVIDIA L4 (24.0 GiB, compute capability 8.9), float32, jax 0.10.2"
    assert {record.device for record in searched.record.values()} == {words}
    assert searched.progress.infos == [f"trains on {words}"]
