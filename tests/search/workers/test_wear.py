"""When a worker's process has served long enough."""

from __future__ import annotations

import pytest

from search.workers.ray_backend.wear import Limits, Wear

MIB = 2**20


def reasons(memory_mib: list[int], **limits: float) -> list[str | None]:
    """Return what is said after each training."""
    wear = Wear(Limits(**limits))  # type: ignore[arg-type]
    return [wear.add(mib * MIB) for mib in memory_mib]


def test_a_worker_that_keeps_its_size_serves_to_the_last_training() -> None:
    assert reasons([900] * 200) == [None] * 199 + ["it has done 200 trainings"]


def test_one_that_grows_is_replaced() -> None:
    said = reasons([1024, 1024, 1536, 1537], least_trainings=1)
    assert said == [None, None, None, "its memory grew from 1.00 to 1.50 GiB in 4 trainings"]


def test_a_large_one_may_grow_in_proportion() -> None:
    assert reasons([4096, 6144, 6150], least_trainings=1)[1:] == [
        None,
        "its memory grew from 4.00 to 6.01 GiB in 3 trainings",
    ]


@pytest.mark.parametrize("trainings", [3, 9])
def test_it_is_not_replaced_after_a_few_trainings_whatever_they_need(trainings: int) -> None:
    assert reasons([500] + [9000] * (trainings - 1)) == [None] * trainings
