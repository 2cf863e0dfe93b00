"""Splits are stratified, seeded and never lose a class."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from objectives.data.records import Dataset
from objectives.data.splitting import hold_out, split
from spaces.errors import DataError, UsageError


def dataset(counts: list[int], *, given_validation: list[int] | None = None) -> Dataset:
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
    return Dataset(
        name="counted",
        classes=tuple(map(str, range(len(counts)))),
        images=np.zeros((len(labels), 1, 1, 1), np.uint8),
        labels=labels,
        given_validation=None if given_validation is None else np.array(given_validation, np.int32),
        test_images=np.zeros((1, 1, 1, 1), np.uint8),
        test_labels=np.zeros(1, np.int32),
        fingerprint="",
    )


def test_a_fifth_rounded_up_validates() -> None:
    chosen = split(dataset([700, 737]), seed=0)

    assert (len(chosen.train), len(chosen.validation)) == (1149, 288)


def test_each_class_validates_in_proportion() -> None:
    data = dataset([100, 50, 10])

    assert np.bincount(data.labels[split(data, seed=0).validation]).tolist() == [20, 10, 2]


@given(st.lists(st.integers(1, 30), min_size=2, max_size=6).filter(lambda counts: max(counts) > 1), st.integers(0, 9))
def test_train_and_validation_are_all_images_once(counts: list[int], seed: int) -> None:
    chosen = split(dataset(counts), seed=seed)

    assert sorted([*chosen.train, *chosen.validation]) == list(range(sum(counts)))


@given(st.lists(st.integers(1, 30), min_size=2, max_size=6).filter(lambda counts: max(counts) > 1))
def test_every_class_trains_and_every_class_of_two_validates(counts: list[int]) -> None:
    data = dataset(counts)
    chosen = split(data, seed=0)

    assert (set(data.labels[chosen.train]), set(data.labels[chosen.validation])) == (
        set(range(len(counts))),
        {label for label, count in enumerate(counts) if count > 1},
    )


def test_the_same_seed_gives_the_same_split() -> None:
    assert split(dataset([50, 50]), seed=3).validation.tolist() == split(dataset([50, 50]), seed=3).validation.tolist()


def test_another_seed_gives_another_split() -> None:
    assert split(dataset([50, 50]), seed=3).validation.tolist() != split(dataset([50, 50]), seed=4).validation.tolist()


def test_rows_are_sorted_int32() -> None:
    chosen = split(dataset([30, 30]), seed=0, train_images=40)
    parts = (chosen.train, chosen.validation)

    assert [(part.dtype, bool((np.diff(part) > 0).all())) for part in parts] == [(np.dtype(np.int32), True)] * 2


def test_a_subset_is_for_training_and_validation_together() -> None:
    chosen = split(dataset([300] * 10), seed=0, train_images=2000)

    assert (len(chosen.train), len(chosen.validation)) == (1600, 400)


def test_a_subset_keeps_the_proportions() -> None:
    data = dataset([400, 100])
    chosen = split(data, seed=0, train_images=50)

    assert np.bincount(data.labels[np.concatenate([chosen.train, chosen.validation])]).tolist() == [40, 10]


def test_a_given_validation_part_is_used_as_it_is() -> None:
    chosen = split(dataset([10, 10], given_validation=[3, 15]), seed=0)

    assert (chosen.validation.tolist(), len(chosen.train), 3 in chosen.train) == ([3, 15], 18, False)


def test_a_subset_beside_a_given_validation_part_is_of_training_images() -> None:
    chosen = split(dataset([10, 10], given_validation=[3, 15]), seed=0, train_images=8)

    assert (len(chosen.train), set(chosen.train) & {3, 15}) == (8, set())


def test_more_images_than_there_are_is_refused_with_their_number() -> None:
    with pytest.raises(UsageError, match="invalid --train-images 101: expected at most 100"):
        split(dataset([50, 50]), seed=0, train_images=101)


def test_fewer_than_two_a_class_is_refused() -> None:
    with pytest.raises(UsageError, match="invalid --train-images 19: expected 20 to 100, two images of each class"):
        split(dataset([10] * 10), seed=0, train_images=19)


def test_nothing_to_validate_on_is_an_error() -> None:
    with pytest.raises(DataError, match="no class has 2 different images"):
        split(dataset([1, 1, 1]), seed=0)


def test_a_fifth_of_35_is_7() -> None:
    assert len(hold_out(np.zeros(35, np.int32), keep=1, generator=np.random.default_rng(0))) == 7
