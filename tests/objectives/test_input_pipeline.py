"""Each epoch reads every training image once, in an order that can be had again."""

from __future__ import annotations

import numpy as np

from objectives import on_tensorflow
from objectives.batches import ShuffledBatches
from objectives.input_pipeline import TrainingInput
from objectives.records import Examples, StudyData


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


def test_tensorflow_reads_the_same_batches_each_epoch() -> None:
    batches = ShuffledBatches(_examples(), batch_size=3, seed=0)
    dataset = on_tensorflow.dataset(batches)
    for epoch in (1, 2):
        batches.shuffle(epoch)
        read = [(images.numpy(), labels.numpy()) for images, labels in dataset]

        for (images, labels), (expected_images, expected_labels) in zip(read, batches, strict=True):
            np.testing.assert_array_equal(images, expected_images, strict=True)
            np.testing.assert_array_equal(labels, expected_labels, strict=True)


def test_the_autotuner_whose_sleep_rounds_epochs_up_is_off() -> None:
    dataset = on_tensorflow.dataset(ShuffledBatches(_examples(), batch_size=3, seed=0))

    assert dataset.options().autotune.enabled is False


def test_one_dataset_serves_all_epochs(small_digits: StudyData) -> None:
    reading = TrainingInput(ShuffledBatches(small_digits.train, batch_size=64, seed=0))

    assert reading.epoch(1) is reading.epoch(2)
