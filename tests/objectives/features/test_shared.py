"""Features of a frozen part are computed once, and training on them is training on the images."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from objectives.data.directories import DataDirectories
from objectives.evaluation import predicting
from objectives.features import shared, store
from objectives.features.store import View
from objectives.files.cache import UNUSED_SECONDS
from objectives.messages import Examples, Objective, StudyData, TrainingResult
from objectives.training.batches import ShuffledBatches
from objectives.training.training import Training
from spaces.backbones import Backbone
from spaces.recipe import Augment, Fit, Recipe, Unfreeze
from spaces.transfer import Head, Transfer

pytestmark = pytest.mark.slow

NETWORK = Transfer(
    backbone=Backbone(name="MobileNetV3Small", weights="none"),
    cut="expanded_conv_2_add",
    side=32,
    head=Head(summary="flatten", dense_units=16, dropout=0.2),
)
RECIPE = Recipe(
    network=NETWORK,
    fit=Fit(learning_rate=0.01, batch_size=16, schedule="cosine", weight_decay=1e-3, optimizer="adamw"),
    pixels="raw",
)
POOLED = replace(RECIPE, network=replace(NETWORK, head=Head(summary="average", dense_units=0)))


@pytest.fixture(scope="module")
def few(small_digits: StudyData) -> StudyData:
    """48 images to train on, 16 to validate on."""
    train, validation = small_digits.train, small_digits.validation
    return replace(
        small_digits,
        train=replace(train, indices=train.indices[:48]),
        validation=replace(validation, indices=validation.indices[:16]),
    )


def _trained(recipe: Recipe, data: StudyData, *, epochs: int = 3) -> tuple[Training, TrainingResult]:
    training = Training(recipe=recipe, data=data, objective=Objective(metric="val_loss", epochs=epochs), seed=0)
    for _ in range(epochs):
        training.advance()
    return training, training.finish(keep_model=True)


def _head_weights(result: TrainingResult) -> list[np.ndarray]:
    assert result.model is not None
    model = predicting.load_model(result.model)
    return [weights for name in ("dense", "probabilities") for weights in model.get_layer(name).get_weights()]


def _stored() -> list[Path]:
    return sorted(DataDirectories.from_environment().features.glob("*.npy"))


def test_cached_is_direct(few: StudyData, monkeypatch: pytest.MonkeyPatch) -> None:
    """After three epochs the weights of the head, and what it says, are the same."""
    _, cached = _trained(RECIPE, few)
    monkeypatch.setattr(shared, "_why_not", lambda recipe, network, data: "asked")
    _, direct = _trained(RECIPE, few)

    assert (cached.note or "").startswith("features of the frozen part were computed in")
    assert direct.note == "features were computed in each epoch: asked"
    for one, other in zip(_head_weights(cached), _head_weights(direct), strict=True):
        assert np.linalg.norm(one - other) <= 1e-3 * np.linalg.norm(other)
    np.testing.assert_allclose(cached.predictions.probabilities, direct.predictions.probabilities, atol=1e-3)


def test_features_found_train_as_features_computed(few: StudyData) -> None:
    _, first = _trained(RECIPE, few, epochs=1)
    _, second = _trained(RECIPE, few, epochs=1)

    assert second.note == "features of the frozen part were taken as computed before"
    np.testing.assert_array_equal(first.predictions.probabilities, second.predictions.probabilities)


def test_the_saved_model_is_the_whole_network(few: StudyData) -> None:
    _, result = _trained(RECIPE, few, epochs=1)
    assert result.model is not None

    np.testing.assert_allclose(
        predicting.predict(result.model, few.validation).probabilities, result.predictions.probabilities, atol=1e-4
    )
    assert predicting.load_model(result.model).count_params() == result.parameters


def test_pooled_features_are_small_and_train_alike(few: StudyData, monkeypatch: pytest.MonkeyPatch) -> None:
    _, cached = _trained(POOLED, few, epochs=2)
    shapes = [np.load(file, mmap_mode="r").shape for file in _stored()]
    monkeypatch.setattr(shared, "_why_not", lambda recipe, network, data: "asked")
    _, direct = _trained(POOLED, few, epochs=2)

    assert shapes == [(64, 1, 1, 24)]
    np.testing.assert_allclose(cached.predictions.probabilities, direct.predictions.probabilities, atol=1e-4)


def test_another_seed_s_split_shares_the_features(few: StudyData) -> None:
    _trained(RECIPE, few, epochs=1)
    rows = np.concatenate([few.train.indices, few.validation.indices])[::-1]
    other = replace(
        few, train=replace(few.train, indices=rows[:40]), validation=replace(few.validation, indices=rows[40:])
    )
    _trained(RECIPE, other, epochs=1)

    assert len(_stored()) == 1


def test_who_asks_while_features_are_computed_waits_for_them(few: StudyData, monkeypatch: pytest.MonkeyPatch) -> None:
    both_ask = Barrier(2, timeout=60)
    read = store._read

    def read_together(place: Path) -> store.Entry | None:
        found = read(place)
        if not place.with_suffix(".lock").exists():
            both_ask.wait()  # neither has found any when it asks for the lock
        return found

    monkeypatch.setattr(store, "_read", read_together)
    folder = DataDirectories.from_environment().features
    with ThreadPoolExecutor(2) as threads:
        asking = [threads.submit(store.features_of, NETWORK, few.train, folder=folder) for _ in range(2)]
        computed = sorted(asked.result().computed for asked in asking)

    assert computed == [False, True]


@pytest.mark.parametrize(
    "other",
    [
        replace(RECIPE, network=replace(NETWORK, cut="expanded_conv_5_add")),
        replace(RECIPE, network=replace(NETWORK, side=40)),
        POOLED,
    ],
    ids=["cut", "side", "summary"],
)
def test_other_features_are_others(few: StudyData, other: Recipe) -> None:
    folder = DataDirectories.from_environment().features
    for recipe in (RECIPE, other):
        shared.inputs_for(recipe, few, epochs=3, folder=folder)

    assert len(_stored()) == 2


def test_other_images_have_other_features(few: StudyData) -> None:
    folder = DataDirectories.from_environment().features
    images = few.train.images.copy()
    images[few.train.indices[0]] ^= 1
    changed = replace(few, train=replace(few.train, images=images), validation=replace(few.validation, images=images))
    for data in (few, changed):
        shared.inputs_for(RECIPE, data, epochs=3, folder=folder)

    assert len(_stored()) == 2


def test_damaged_features_are_computed_again(few: StudyData) -> None:
    _, whole = _trained(RECIPE, few, epochs=1)
    os.truncate(_stored()[0], 1000)
    _, again = _trained(RECIPE, few, epochs=1)

    assert (again.note or "").startswith("features of the frozen part were computed in")
    assert again.score == whole.score


def test_features_that_nobody_used_for_a_month_go_when_others_are_computed(few: StudyData) -> None:
    folder = DataDirectories.from_environment().features
    used, unused = replace(POOLED, network=replace(POOLED.network, cut="expanded_conv_1_project_bn")), POOLED
    for recipe in (used, unused):
        shared.inputs_for(recipe, few, epochs=1, folder=folder)
    for path in folder.iterdir():
        month_ago = path.stat().st_mtime - UNUSED_SECONDS
        os.utime(path, (month_ago, month_ago))
    shared.inputs_for(used, few, epochs=1, folder=folder)
    shared.inputs_for(RECIPE, few, epochs=1, folder=folder)
    notes = [shared.inputs_for(recipe, few, epochs=1, folder=folder).note or "" for recipe in (used, RECIPE, unused)]

    assert [note.partition(" in ")[0].rpartition(" were ")[2] for note in notes] == [
        "taken as computed before",
        "taken as computed before",
        "computed",
    ]


@pytest.mark.parametrize(
    ("recipe", "why"),
    [
        (replace(RECIPE, augment=Augment(shift=0.1)), "images are augmented before the frozen part"),
        (
            replace(RECIPE, augment=Augment(mixup=0.2), views=2),
            "mixup blends images before the frozen part",
        ),
        (
            replace(RECIPE, unfreeze=Unfreeze(layers=2, epoch=2)),
            "layers below the cut are trained too, from epoch 2 on",
        ),
    ],
)
def test_what_can_t_share_says_so(few: StudyData, recipe: Recipe, why: str) -> None:
    inputs = shared.inputs_for(recipe, few, epochs=3, folder=DataDirectories.from_environment().features)

    assert (inputs.note or "").startswith(f"features were computed in each epoch: {why}")
    assert inputs.head is None
    assert _stored() == []


def test_a_full_disk_is_no_failure(few: StudyData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store.shutil, "disk_usage", lambda path: _Full)
    inputs = shared.inputs_for(RECIPE, few, epochs=3, folder=DataDirectories.from_environment().features)

    assert inputs.note is not None
    assert "they need 0.0 GiB, and 0.0 GiB are free on disk" in inputs.note


class _Full:
    free = 0


def test_large_features_are_kept_in_half_precision(few: StudyData, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = _head_weights(_trained(RECIPE, few)[1])
    monkeypatch.setattr(store, "_float32_bytes_most", 0)
    monkeypatch.setattr(store, "_format", -1)
    rounded = _head_weights(_trained(RECIPE, few)[1])

    assert {np.load(file, mmap_mode="r").dtype.name for file in _stored()} == {"float32", "float16"}
    for one, other in zip(rounded, exact, strict=True):
        assert np.linalg.norm(one - other) <= 2e-2 * np.linalg.norm(other)


def test_numbers_beyond_half_precision_are_not_kept(few: StudyData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_float32_bytes_most", 0)
    huge = iter([np.full((64, 1), 1e6, np.float32)])

    with pytest.raises(store.NotKeptError, match="numbers are too large for float16"):
        list(store._converted(huge, np.dtype(np.float16)))


def test_a_network_without_a_frozen_part_sees_its_images(small_digits: StudyData, tmp_path: Path) -> None:
    from spaces.recipe import MLP

    recipe = Recipe(network=MLP(units=(4,)), fit=Fit(learning_rate=0.1))
    inputs = shared.inputs_for(recipe, small_digits, epochs=3, folder=tmp_path)

    assert (inputs.head, inputs.train, inputs.note) == (None, (small_digits.train,), None)


def test_unfrozen_layers_move_from_their_epoch_on(few: StudyData) -> None:
    recipe = replace(RECIPE, unfreeze=Unfreeze(layers=2, epoch=2, rate=0.5))
    training = Training(recipe=recipe, data=few, objective=Objective(metric="val_loss", epochs=3), seed=0)
    backbone = training._compiled.network.get_layer("backbone")
    begun = [weights.copy() for weights in backbone.get_weights()]
    training.advance()
    after_one = backbone.get_weights()
    training.advance()
    after_two = backbone.get_weights()
    moved = sum(not np.array_equal(one, other) for one, other in zip(after_one, after_two, strict=True))

    assert all(np.array_equal(one, other) for one, other in zip(begun, after_one, strict=True))
    assert moved == sum(len(layer.trainable_weights) for layer in backbone.layers) > 0
    assert int(training._compiled.model.optimizer.iterations) == 6


def test_unfrozen_layers_move_at_their_own_rate(few: StudyData) -> None:
    """Plain gradient descent: a tenth of the rate is a tenth of the first step."""
    fit = Fit(learning_rate=0.1, optimizer="sgd", momentum=0.0, batch_size=48)

    def step(rate: float) -> list[np.ndarray]:
        recipe = replace(
            RECIPE, fit=fit, unfreeze=Unfreeze(layers=2, rate=rate), network=replace(NETWORK, head=Head(dense_units=0))
        )
        training = Training(recipe=recipe, data=few, objective=Objective(metric="val_loss", epochs=1), seed=0)
        before = training._compiled.network.get_weights()
        training.advance()
        return [after - at for after, at in zip(training._compiled.network.get_weights(), before, strict=True)]

    whole, tenth = step(1.0), step(0.1)
    moved = [(one, other) for one, other in zip(whole, tenth, strict=True) if np.any(one)]
    ratios = sorted(round(float(np.linalg.norm(other) / np.linalg.norm(one)), 2) for one, other in moved)

    assert ratios == [0.1] * (len(moved) - 2) + [1.0, 1.0]


def test_each_layer_but_the_head_is_frozen(few: StudyData) -> None:
    recipe = replace(RECIPE, augment=Augment(shift=0.1))
    training = Training(recipe=recipe, data=few, objective=Objective(metric="val_loss", epochs=1), seed=0)
    frozen = [weights.copy() for weights in training._compiled.network.get_layer("backbone").get_weights()]
    training.advance()

    for one, other in zip(frozen, training._compiled.network.get_layer("backbone").get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)  # moving averages of batch norms, too


VIEWED = replace(RECIPE, augment=Augment(flip_horizontal=True, shift=0.1), views=2)


def test_each_epoch_sees_the_next_view(few: StudyData, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two epochs on stored views are two epochs on the images as the views show them."""
    _, cached = _trained(VIEWED, few, epochs=2)
    assert (cached.note or "").startswith("features of the frozen part, of 2 augmented views of each image, were comp")
    monkeypatch.setattr(shared, "_why_not", lambda recipe, network, data: "asked")
    shown = []
    for number in (1, 2):
        images = few.train.images.astype(np.float32)
        (changed,) = store._changed(few.train, View(augment=VIEWED.augment, number=number))
        images[few.train.indices] = changed.images
        shown.append(replace(few.train, images=images))
    direct = Training(recipe=RECIPE, data=few, objective=Objective(metric="val_loss", epochs=2), seed=0)
    direct._batches = ShuffledBatches(*shown, batch_size=RECIPE.fit.batch_size, seed=0)
    for _ in range(2):
        direct.advance()

    for one, other in zip(_head_weights(cached), _head_weights(direct.finish(keep_model=True)), strict=True):
        assert np.linalg.norm(one - other) <= 1e-3 * np.linalg.norm(other)


def test_views_are_shared_and_those_that_no_epoch_sees_are_not_made(few: StudyData) -> None:
    folder = DataDirectories.from_environment().features
    one = shared.inputs_for(VIEWED, few, epochs=1, folder=folder)
    assert (len(one.train), len(_stored())) == (1, 2)
    three = shared.inputs_for(VIEWED, few, epochs=3, folder=folder)
    assert (len(three.train), len(_stored())) == (2, 3)
    again = shared.inputs_for(VIEWED, few, epochs=3, folder=folder)

    assert (again.note or "").endswith("of 2 augmented views of each image, were taken as computed before")
    assert not np.array_equal(three.train[0].images, three.train[1].images)
    assert again.head is not None
    assert again.head.augment.is_off
    assert [labels.tolist() for labels in (three.train[1].labels, three.train[1].indices)] == [
        few.train.labels[few.train.indices].tolist(),
        list(range(len(few.train))),
    ]


def test_on_all_images_a_head_sees_the_features_of_both_parts(few: StudyData) -> None:
    folder = DataDirectories.from_environment().features
    searched = shared.inputs_for(VIEWED, few, epochs=2, folder=folder)
    everything = shared.inputs_for(VIEWED, few.trained_on("all"), epochs=2, folder=folder)

    assert [len(view) for view in everything.train] == [64, 64]
    np.testing.assert_array_equal(everything.validation.images, searched.validation.images)
    assert len(_stored()) == 5  # of both parts unchanged, once, and two views of each part
    assert everything.train[0].labels.tolist() == few.train.labels[few.trained_on("all").train.indices].tolist()


def test_on_all_images_cached_is_direct(few: StudyData, monkeypatch: pytest.MonkeyPatch) -> None:
    def weights() -> list[np.ndarray]:
        objective = Objective(metric="val_loss", epochs=2)
        training = Training(recipe=RECIPE, data=few, objective=objective, seed=0, part="all")
        for _ in range(2):
            training.advance()
        return _head_weights(training.finish(keep_model=True))

    cached = weights()
    monkeypatch.setattr(shared, "_why_not", lambda recipe, network, data: "asked")
    for one, other in zip(cached, weights(), strict=True):
        assert np.linalg.norm(one - other) <= 1e-3 * np.linalg.norm(other)


def test_views_without_augmentation_are_the_images(few: StudyData) -> None:
    recipe = replace(RECIPE, views=2)
    inputs = shared.inputs_for(recipe, few, epochs=3, folder=DataDirectories.from_environment().features)

    assert (len(inputs.train), len(_stored())) == (1, 1)


def test_examples_of_features_have_the_labels_of_their_images(few: StudyData) -> None:
    inputs = shared.inputs_for(RECIPE, few, epochs=3, folder=DataDirectories.from_environment().features)

    def labels(examples: Examples) -> list[int]:
        return examples.labels[examples.indices].tolist()

    assert (labels(*inputs.train), labels(inputs.validation)) == (labels(few.train), labels(few.validation))
