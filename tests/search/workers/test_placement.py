"""Workers get equal shares, as large as fit."""

from __future__ import annotations

import pytest

from search.workers.ray_backend.placement import Machine, Share, share_out

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
