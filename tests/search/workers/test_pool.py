"""When a worker's process is recycled."""

from __future__ import annotations

import pytest

from search.workers.ray_backend.process import RecyclePolicy

MIB = 2**20


def reasons(memory_mib: list[int], **limits: float) -> list[str | None]:
    """Return the reason to replace a process after each of its trainings."""
    policy = RecyclePolicy(**limits)  # type: ignore[arg-type]
    return [
        policy.reason(done, first_bytes=memory_mib[0] * MIB, now_bytes=mib * MIB)
        for done, mib in enumerate(memory_mib, start=1)
    ]


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
