"""What `--backbone` may say, and what a space is then offered."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from spaces.backbones import APPLICATIONS, EXPORTED, OURS, Backbone, Backbones, find_backbones, is_same_backbone
from spaces.catalogue import find_space, with_backbones
from spaces.errors import DataError, RecordError, UnknownNameError, UsageError
from spaces.parameters import find_parameters
from spaces.recipe import ConvNet, Fit, ImageShape, Recipe, Stage, Unfreeze
from spaces.transfer import Head, Transfer, untrained, without_folder
from tests.spaces.baselines import baseline_recipe

CIFAR = ImageShape(height=32, width=32, channels=3)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A file whose content nobody looks at here."""
    file = tmp_path / "model.keras"
    file.write_bytes(b"layers")
    return file


DIGEST = f"sha256:{hashlib.sha256(b'layers').hexdigest()}"


def test_nothing_said_is_all_of_ours_with_imagenet_weights() -> None:
    assert find_backbones(None) == OURS == Backbones(names=tuple(APPLICATIONS), weights="imagenet")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("none", Backbones(weights="none")),
        ("VGG16", Backbones(names=("VGG16",))),
        ("vgg16:none", Backbones(names=("VGG16",), weights="none")),
        ("VGG16:imagenet", Backbones(names=("VGG16",))),
    ],
)
def test_a_network_may_be_named_with_its_weights(text: str, found: Backbones) -> None:
    assert find_backbones(text) == found


def test_an_exported_model_is_known_by_its_content(model: Path) -> None:
    assert find_backbones(str(model)) == Backbones(names=(EXPORTED,), weights=str(model), digest=DIGEST)


def test_a_file_of_weights_is_known_by_its_content(model: Path) -> None:
    file = model.rename(model.with_name("own.weights.h5"))

    assert find_backbones(f"VGG16:{file}") == Backbones(names=("VGG16",), weights=str(file), digest=DIGEST)


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("VGG61", UnknownNameError, r"unknown backbone 'VGG61'. Did you mean 'VGG16'\?\nBackbones: ConvNeXtTiny"),
        (
            "VGG16:weights.bin",
            UsageError,
            "weights 'weights.bin' in --backbone: expected imagenet, none, or a file",
        ),
        ("nowhere/model.keras", DataError, "--backbone: no such file: nowhere/model.keras"),
        ("VGG16:nowhere.h5", DataError, "--backbone: no such file: nowhere.h5"),
    ],
)
def test_what_is_no_backbone_is_refused(text: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        find_backbones(text)


def test_a_file_needs_a_digest() -> None:
    with pytest.raises(RecordError, match="invalid digest None of a.keras: expected sha256:"):
        Backbone(name=EXPORTED, weights="a.keras")


def test_an_exported_backbone_needs_a_file() -> None:
    with pytest.raises(RecordError, match="invalid weights 'none' of an exported backbone: expected its file's path"):
        Backbone(name=EXPORTED, weights="none")


def test_too_small_images_are_enlarged_to_what_the_network_needs() -> None:
    assert (Backbone(name="InceptionV3").side(32), Backbone(name="VGG16").side(32)) == (75, 32)


def test_a_space_chooses_among_what_was_named() -> None:
    space = with_backbones(find_space("transfer_frozen"), find_backbones("MobileNetV2"))
    found = {p.name: p.choices for p in find_parameters(space, images=CIFAR, classes=10)}

    assert found["backbone"] == ("MobileNetV2",)


def test_an_exported_model_keeps_its_size_of_images(model: Path) -> None:
    space = with_backbones(find_space("transfer_frozen"), find_backbones(str(model)))

    assert "side" not in {p.name for p in find_parameters(space, images=CIFAR, classes=10)}


def test_hand_made_choices_become_heads_on_an_exported_model(model: Path) -> None:
    own = find_backbones(str(model))
    space = with_backbones(find_space("transfer_frozen"), own)
    recipe = baseline_recipe(space, "course_mixed7_head", images=CIFAR, classes=10)

    assert list(space.baselines) == ["course_mixed7_head", "cifar_vgg16_head"]
    assert recipe.network == Transfer(
        backbone=own.named("exported"), cut=0.75, side=None, head=Head(dense_units=1024, dropout=0.2)
    )
    assert (recipe.fit.optimizer, recipe.fit.learning_rate) == ("rmsprop", 1e-4)


def test_hand_made_choices_without_a_backbone_stay_what_they_are(model: Path) -> None:
    space = with_backbones(find_space("factors_2x2"), find_backbones(str(model)))

    assert dict(space.baselines) == dict(find_space("factors_2x2").baselines)


def test_a_space_without_pretrained_networks_takes_no_backbone() -> None:
    with pytest.raises(UsageError, match="space 'cnn_cifar' does not use a backbone; remove --backbone, or use"):
        with_backbones(find_space("cnn_cifar"), find_backbones("VGG16"))


def test_the_course_s_network_is_cut_at_mixed7() -> None:
    recipe = baseline_recipe(find_space("transfer_frozen"), "course_mixed7", images=CIFAR, classes=2)

    assert recipe == Recipe(
        network=Transfer(
            backbone=Backbone(name="InceptionV3", weights="imagenet"),
            cut="mixed7",
            side=150,
            head=Head(summary="flatten", dense_units=1024, activation="relu", dropout=0.2),
        ),
        fit=Fit(optimizer="rmsprop", learning_rate=1e-4, batch_size=32),
        pixels="raw",
        output="sigmoid",
    )


def test_with_more_than_two_classes_it_has_a_unit_each() -> None:
    recipe = baseline_recipe(find_space("transfer_frozen"), "course_mixed7", images=CIFAR, classes=3)

    assert recipe.output == "softmax"


@pytest.mark.parametrize("name", ["transfer_frozen", "transfer_tuned"])
@pytest.mark.parametrize(("classes", "units"), [(2, (1, 2)), (3, (1,))])
def test_two_classes_may_have_one_unit_or_two(name: str, classes: int, units: tuple[int, ...]) -> None:
    found = {p.name: p.choices for p in find_parameters(find_space(name), images=CIFAR, classes=classes)}

    assert found["two_class_units"] == units


def test_the_notebook_s_vgg16_is_whole() -> None:
    recipe = baseline_recipe(find_space("transfer_frozen"), "cifar_vgg16", images=CIFAR, classes=10)

    assert recipe == Recipe(
        network=Transfer(
            backbone=Backbone(name="VGG16", weights="imagenet"),
            cut="block5_pool",
            side=32,
            head=Head(summary="flatten", dense_units=256, activation="relu", dropout=0.5),
        ),
        fit=Fit(optimizer="adam", learning_rate=1e-3, batch_size=64),
        pixels="raw",
    )


def test_untrained_leaves_a_file_alone() -> None:
    exported = Transfer(backbone=Backbone(name=EXPORTED, weights="a.keras", digest="sha256:0"))
    downloaded = Transfer(backbone=Backbone(name="VGG16"))
    recipes = [Recipe(network=n, fit=Fit(learning_rate=0.1), pixels="raw") for n in (exported, downloaded)]

    weights = [untrained(r).network.backbone.weights for r in recipes]  # type: ignore[attr-defined]
    assert weights == ["a.keras", "none"]


def test_a_pretrained_network_takes_pixels_as_stored() -> None:
    with pytest.raises(RecordError, match="invalid pixels 'unit': expected raw with a pretrained network"):
        Recipe(network=Transfer(backbone=Backbone(name="VGG16")), fit=Fit(learning_rate=0.1))


def test_only_a_pretrained_network_has_something_to_unfreeze_and_features_to_keep() -> None:
    plain = ConvNet(stages=(Stage(filters=4, convolutions=1),), kernel=3)

    with pytest.raises(RecordError, match="invalid unfreeze: expected None with a ConvNet"):
        Recipe(network=plain, fit=Fit(learning_rate=0.1), unfreeze=Unfreeze(layers=1))
    with pytest.raises(RecordError, match="invalid views 4: expected 0 with a ConvNet"):
        Recipe(network=plain, fit=Fit(learning_rate=0.1), views=4)


@pytest.mark.parametrize("cut", [0.0, 1.5])
def test_a_cut_outside_the_network_is_refused(cut: float) -> None:
    with pytest.raises(RecordError, match=f"invalid cut {cut}: expected the name of a layer, or a number"):
        Transfer(backbone=Backbone(name="VGG16"), cut=cut)


def test_a_recipe_is_stored_without_the_folder_of_its_backbone() -> None:
    backbone = Backbone(name="VGG16", weights="/far/away/weights.h5", digest=DIGEST)
    recipe = Recipe(network=Transfer(backbone=backbone), pixels="raw", fit=Fit(learning_rate=0.1))
    stored = without_folder(recipe)
    assert "/far/away" not in stored.to_json()
    assert Recipe.from_json(stored.to_json()) == stored == without_folder(stored)
    assert without_folder(untrained(recipe)) == stored


@pytest.mark.parametrize(
    ("now", "then", "is_same"),
    [
        ("vgg16", "VGG16:imagenet", True),
        (None, "imagenet", True),
        ("VGG16:a.h5", "vgg16:/moved/b.h5", True),  # whether they are the same file, their digests say
        ("runs/s/best/model.keras", "/moved/model.keras", True),
        ("VGG16:a.h5", "ResNet50V2:a.h5", False),
        ("VGG16:a.h5", "VGG16", False),
        ("VGG16", "VGG16:none", False),
        ("VGG16", None, False),
        ("model.keras", None, False),
    ],
)
def test_a_backbone_is_the_same_however_it_is_typed(now: str | None, then: str | None, *, is_same: bool) -> None:
    assert is_same_backbone(now, then) == is_same_backbone(then, now) == is_same
