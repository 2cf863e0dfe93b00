"""Each epoch reads every training image once, in an order that can be had again."""

from __future__ import annotations

import numpy as np

from objectives.messages import Examples
from objectives.training.batches import ShuffledBatches


def _examples() -> Examples:
    images = np.arange(20, dtype=np.uint8).reshape(20, 1, 1, 1).repeat(2, axis=1)
    images.flags.writeable = False
    labels = np.arange(100, 120, dtype=np.int32)
    return Examples(images=images, labels=labels, indices=np.array([3, 5, 7, 11, 13, 17, 19], np.int32))


def _order(epoch: int, seed: int = 0) -> list[int]:
    batches = ShuffledBatches(_examples(), batch_size=3, seed=seed)
    batches.shuffle(epoch)
    return [int(label) for _, labels in batches for label in labels]


def test_an_epoch_reads_each_example_once() -> None:
    assert sorted(_order(1)) == [103, 105, 107, 111, 113, 117, 119]


def test_epochs_differ_in_order() -> None:
    assert len({tuple(_order(epoch)) for epoch in range(1, 6)}) == 5


def test_seeds_differ_in_order() -> None:
    assert len({tuple(_order(1, seed)) for seed in range(5)}) == 5


def test_an_epoch_can_be_replayed_without_those_before() -> None:
    batches = ShuffledBatches(_examples(), batch_size=3, seed=0)
    for epoch in (1, 2, 3):
        batches.shuffle(epoch)

    assert [int(label) for _, labels in batches for label in labels] == _order(3)


def test_epochs_take_turns_at_the_versions() -> None:
    first = _examples()
    second = Examples(images=first.images + 100, labels=first.labels, indices=first.indices)
    batches = ShuffledBatches(first, second, batch_size=3, seed=0)
    seen = []
    for epoch in (1, 2, 3):
        batches.shuffle(epoch)
        seen.append([images[:, 0, 0, 0] - (labels - 100) for images, labels in batches])

    assert [np.unique(np.concatenate(differences)).tolist() for differences in seen] == [[0], [100], [0]]


def test_the_last_batch_may_be_smaller() -> None:
    batches = ShuffledBatches(_examples(), batch_size=3, seed=0)

    assert [len(labels) for _, labels in batches] == [3, 3, 1]


def test_images_stay_with_their_labels() -> None:
    batches = ShuffledBatches(_examples(), batch_size=3, seed=0)
    batches.shuffle(1)

    assert all(np.array_equal(images[:, 0, 0, 0] + 100, labels) for images, labels in batches)
