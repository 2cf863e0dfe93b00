"""Workers get equal shares, as large as fit."""

from __future__ import annotations

import pytest

from search.workers.placement import LEAST_GPU_BYTES, GpuUse, Machine, Share, share_out
from spaces.errors import UsageError

_gib = 2**30


def _machine(*, cpus: int, gpus: int, gib: float = 100) -> Machine:
    return Machine(cpus=cpus, gpus=gpus, memory=int(gib * _gib))


_laptop = [_machine(cpus=2, gpus=0)]
_server = [_machine(cpus=16, gpus=4)]


@pytest.mark.parametrize(
    ("machines", "workers", "share"),
    [
        (_laptop, None, Share(workers=2, cpus=1, gpus=0)),
        (_laptop, 1, Share(workers=1, cpus=2, gpus=0)),
        (_laptop, 6, Share(workers=6, cpus=0.3333, gpus=0)),
        (_server, None, Share(workers=4, cpus=4, gpus=1)),
        (_server, 2, Share(workers=2, cpus=8, gpus=1)),
        (_server, 8, Share(workers=8, cpus=2, gpus=0.5)),
        ([_machine(cpus=6, gpus=0), _machine(cpus=2, gpus=0)], 2, Share(workers=2, cpus=3, gpus=0)),
        ([_machine(cpus=4, gpus=0)] * 2, 1, Share(workers=1, cpus=4, gpus=0)),
        ([_machine(cpus=64, gpus=0), _machine(cpus=8, gpus=1)], None, Share(workers=1, cpus=8, gpus=1)),
        ([_machine(cpus=0, gpus=0)], None, Share(workers=1, cpus=1, gpus=0)),
        ([_machine(cpus=16, gpus=0, gib=8.5)], None, Share(workers=8, cpus=2, gpus=0)),
        ([_machine(cpus=16, gpus=0, gib=8.5)], 16, Share(workers=16, cpus=1, gpus=0)),
        ([_machine(cpus=4, gpus=0, gib=2), _machine(cpus=2, gpus=0)], None, Share(workers=4, cpus=1, gpus=0)),
        ([_machine(cpus=4, gpus=0, gib=0.5)], None, Share(workers=1, cpus=4, gpus=0)),
        ([_machine(cpus=16, gpus=4, gib=2)], None, Share(workers=4, cpus=4, gpus=1)),
    ],
)
def test_each_worker_gets_the_largest_share_with_which_all_find_a_place(
    machines: list[Machine], workers: int | None, share: Share
) -> None:
    assert share_out(machines, workers) == share


def test_many_workers_on_one_processor_fit_in_rays_ten_thousandths() -> None:
    assert share_out([_machine(cpus=1, gpus=0)], 6).cpus * 6 <= 1


def test_a_worker_with_half_a_processor_has_one_thread() -> None:
    assert share_out(_laptop, 4).threads == 1


def _gpus(count: int, *, gib: float | None = 24, cpus: int = 16, memory_gib: float = 100) -> list[Machine]:
    gpu_bytes = None if gib is None else int(gib * _gib)
    return [Machine(cpus=cpus, gpus=count, memory=int(memory_gib * _gib), gpu_bytes=gpu_bytes)]


@pytest.mark.parametrize(
    ("machines", "workers", "trials_per_gpu", "share"),
    [
        (_gpus(2), None, None, Share(workers=2, cpus=8, gpus=1)),
        (_gpus(2), None, 3, Share(workers=6, cpus=2, gpus=0.3333)),
        (_gpus(2), 5, None, Share(workers=5, cpus=3, gpus=0.3333)),
        (_gpus(2), 5, 3, Share(workers=5, cpus=3, gpus=0.3333)),
        (_gpus(2), 2, 1, Share(workers=2, cpus=8, gpus=1)),
        (_laptop, None, 3, Share(workers=2, cpus=1, gpus=0)),
    ],
)
def test_trials_on_each_gpu(
    machines: list[Machine], workers: int | None, trials_per_gpu: int | None, share: Share
) -> None:
    assert share_out(machines, workers, GpuUse(trials_per_gpu=trials_per_gpu)) == share


@pytest.mark.parametrize(("workers", "trials_per_gpu", "real"), [(5, 2, 3), (2, 4, 1), (40, 10, 20)])
def test_numbers_that_contradict_each_other_are_refused(workers: int, trials_per_gpu: int, real: int) -> None:
    with pytest.raises(UsageError) as refused:
        share_out(_gpus(2), workers, GpuUse(trials_per_gpu=trials_per_gpu))
    assert str(refused.value) == (
        f"invalid --workers {workers} with --trials-per-gpu {trials_per_gpu}: {workers} workers on 2 GPUs are {real} a "
        "GPU; give one of the two"
    )


def test_forty_workers_on_one_gpu_are_refused_with_the_arithmetic() -> None:
    with pytest.raises(UsageError) as refused:
        share_out(_gpus(1), 40)
    assert str(refused.value) == (
        "40 workers on each GPU leave 0.6 GiB of its 24.0 GiB to each; a backend needs 1.5 GiB to start. At most 16 "
        "fit: see --trials-per-gpu and --workers"
    )


def test_as_many_as_a_refusal_names_are_accepted() -> None:
    most = 24 * _gib // LEAST_GPU_BYTES
    assert share_out(_gpus(1), most).workers == most
    with pytest.raises(UsageError, match="At most 16 fit"):
        share_out(_gpus(1), most + 1)


def test_a_gpu_of_unknown_memory_is_shared_as_far_as_its_machine_has_memory() -> None:
    with pytest.raises(UsageError) as refused:
        share_out(_gpus(2, gib=None, memory_gib=14.5), 40)
    assert str(refused.value) == (
        "20 workers on each GPU need 40.0 GiB of their machine's memory, 1.0 GiB each, and 14.5 GiB are free. At most "
        "7 fit: see --trials-per-gpu and --workers"
    )


def test_one_worker_a_gpu_is_never_refused() -> None:
    assert share_out(_gpus(1, gib=1, memory_gib=0.5), None).workers == 1


def test_processors_can_be_demanded() -> None:
    assert share_out(_server, None, GpuUse(device="cpu")) == Share(workers=16, cpus=1, gpus=0)


def test_gpus_can_be_demanded() -> None:
    assert share_out(_server, None, GpuUse(device="gpu")).gpus == 1
    with pytest.raises(
        UsageError, match="invalid --device 'gpu': Ray finds no GPU; search on processors: --device cpu"
    ):
        share_out(_laptop, None, GpuUse(device="gpu"))
