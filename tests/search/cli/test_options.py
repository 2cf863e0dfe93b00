"""What was typed beats the environment, which beats the file, which beats the default."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from reports.stored.records import ModelCard, schema
from search.cli.options import (
    continued,
    from_environment,
    from_file,
    from_settings,
    resolve,
    resolve_options,
    study_name,
)
from search.presets import MOST_TRIALS
from search.run_options import RunOptions
from search.settings import OPTIONS, command_for
from spaces.backbones import Backbones
from spaces.errors import UnknownNameError, UsageError
from spaces.records import to_plain
from tests.search.results.test_status import _study


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_each_source_beats_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "search.toml"
    file.write_text('space = "cnn_cifar"\nepochs = 1\nseed = 1\ntrials = 1\n')
    monkeypatch.setenv("TAMIZ_SEED", "2")
    monkeypatch.setenv("TAMIZ_TRIALS", "2")

    settings = resolve(RunOptions(trials=3), file=file).settings

    assert (settings.trials, settings.seed, settings.epochs, settings.sampler) == (3, 2, 1, "tpe")


def test_the_defaults_are_the_space_s_data_and_fifty_trials() -> None:
    settings = resolve(RunOptions(space="cnn_cifar"), file=None).settings

    assert (settings.data, settings.trials, settings.epochs) == ("cifar10", 50, 8)
    assert settings.study == "cnn_cifar-cifar10"


def test_a_preset_sets_what_is_not_typed() -> None:
    quick = resolve(RunOptions(space="cnn_cifar", preset="quick"), file=None).settings
    typed = resolve(RunOptions(space="cnn_cifar", preset="good", epochs=3, timeout="10m"), file=None).settings
    counted = resolve(RunOptions(space="cnn_cifar", preset="good", trials=7), file=None).settings

    assert (quick.preset, quick.trials, quick.epochs, quick.timeout_seconds) == ("quick", MOST_TRIALS, 8, 300.0)
    assert (typed.preset, typed.trials, typed.epochs, typed.timeout_seconds) == ("good", MOST_TRIALS, 3, 600.0)
    assert (counted.preset, counted.trials, counted.epochs, counted.timeout_seconds) == (None, 7, 16, 3600.0)
    assert (quick.refit, typed.refit) == ("off", "auto")
    assert "--preset" not in command_for(counted)


@pytest.mark.parametrize(
    ("stored", "typed", "expected"),
    [
        ({"preset": "good", "trials": MOST_TRIALS, "epochs": 16}, {}, ("good", MOST_TRIALS, 16, 3600.0)),
        ({"preset": "good", "trials": MOST_TRIALS, "epochs": 16}, {"trials": 5}, (None, 5, 16, 3600.0)),
        ({"preset": None, "trials": 37, "epochs": 16}, {}, (None, 37, 16, None)),
        ({"preset": None, "trials": 37, "epochs": 16}, {"preset": "quick"}, ("quick", MOST_TRIALS, 16, 300.0)),
    ],
    ids=["interrupted in its first trial", "a number typed then", "settled", "another preset"],
)
def test_a_continued_study_keeps_what_its_preset_set(
    tmp_path: Path, stored: dict[str, object], typed: RunOptions, expected: tuple[object, ...]
) -> None:
    folder = _study(tmp_path)
    record = folder.read_run()
    assert record is not None
    settings = {**record.settings, "space": "cnn_cifar", **stored}
    folder.write_run(replace(record, settings=settings), None)

    found = continued(folder, typed).settings

    assert (found.preset, found.trials, found.epochs, found.timeout_seconds) == expected


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(UsageError, match="invalid --preset 'quik': expected best, good or quick\nDid you mean 'quick'"):
        resolve(RunOptions(space="cnn_cifar", preset="quik"), file=None)


def test_pyproject_s_table_is_read_without_being_named(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.tamiz]\nspace = "cnn_cifar"\ntrain-images = 100\n')

    assert resolve(RunOptions(), file=None).settings.train_images == 100


def test_the_data_directory_s_variable_is_not_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAMIZ_DATA", "/somewhere")

    assert resolve(RunOptions(space="cnn_cifar"), file=None).settings.data == "cifar10"


def test_no_space_is_said() -> None:
    with pytest.raises(UsageError, match=r"no space is named; add --space NAME\.\nSpaces: .*cnn_cifar"):
        resolve(RunOptions(), file=None)


def test_stored_settings_are_accepted_back(tmp_path: Path) -> None:
    typed = RunOptions(space="cnn_cifar", data="digits", timeout=90.0, skip_bad=True, until=0.9, image_size=8)
    typed |= RunOptions(pixel_range="-1,1", parts="train=monday", allow="overlap")
    settings = resolve(typed, file=None).settings
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"schema": 1, "settings": asdict(settings)}))

    assert resolve(RunOptions(), file=file).settings == settings
    assert resolve_options(from_settings(asdict(settings), "settings.json")).settings == settings


def test_settings_stored_before_an_option_was_renamed_are_accepted_back(tmp_path: Path) -> None:
    stored = {"space": "cnn_cifar", "storage_patience_seconds": 5.0, "cluster_patience_seconds": 7.0}
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"schema": 1, "settings": stored}))
    expected = RunOptions(space="cnn_cifar", storage_wait=5.0, cluster_wait=7.0)

    assert from_settings(stored, "settings.json") == from_file(file, tmp_path) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trials = 'many'", "invalid trials in search.toml 'many': expected a whole number"),
        ("trials = 2.5", "invalid trials in search.toml '2.5': expected a whole number"),
        ("trials = true", "invalid trials in search.toml 'True': expected a whole number"),
        ("skip-bad = 1", "invalid skip-bad in search.toml '1': expected true or false"),
        ("trials = ", "invalid --config '.*search.toml': not TOML: "),
        ("pixel-range = [5, 1]", "invalid pixel-range in search.toml .*: expected two numbers, the lower first"),
        ("pixel-range = ['0', 1]", "invalid pixel-range in search.toml .*: expected two numbers, the lower first"),
        ("timeout = '5 parsecs'", "invalid timeout in search.toml '5 parsecs': expected a duration such as 90s"),
    ],
)
def test_a_settings_file_s_errors_name_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "search.toml"
    file.write_text(text)

    with pytest.raises(UsageError, match=message):
        from_file(file, tmp_path)


def test_an_unknown_key_gets_a_suggestion(tmp_path: Path) -> None:
    file = tmp_path / "search.toml"
    file.write_text("trails = 3")

    with pytest.raises(UnknownNameError, match="unknown option in search.toml 'trails'. Did you mean 'trials'"):
        from_file(file, tmp_path)


def test_a_missing_settings_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"can't read --config .*nothing\.toml: No such file"):
        from_file(tmp_path / "nothing.toml", tmp_path)


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("TAMIZ_TRIALS", "x", "invalid TAMIZ_TRIALS 'x': expected a whole number"),
        ("TAMIZ_UNTIL", "good", "invalid TAMIZ_UNTIL 'good': expected a number"),
        ("TAMIZ_SKIP_BAD", "maybe", "invalid TAMIZ_SKIP_BAD 'maybe': expected true or false"),
        ("TAMIZ_PIXEL_RANGE", "0,inf", "invalid TAMIZ_PIXEL_RANGE '0,inf': expected two numbers, the lower first"),
        ("TAMIZ_PIXEL_RANGE", "255", "invalid TAMIZ_PIXEL_RANGE '255': expected two numbers, the lower first"),
        ("TAMIZ_TIMEOUT", "30", "invalid TAMIZ_TIMEOUT '30': expected a duration such as 90s"),
    ],
)
def test_a_variable_s_errors_name_it(variable: str, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        from_environment({variable: text})


@pytest.mark.parametrize("text", ["", "30", "m", "-5m", "5m2h", "1e3s", "inf", "5 minutes"])
def test_what_is_not_a_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=f"invalid --timeout '{text}': expected a duration such as 90s or 1h30m"):
        resolve({"space": "cnn_cifar", "timeout": text}, file=None)


@pytest.mark.parametrize(
    ("option", "value"),
    [("trials", 0), ("trials", -1), ("epochs", 0), ("train_images", 0), ("image_size", -4), ("workers", 0)],
)
def test_counts_below_one_are_refused(option: str, value: int) -> None:
    with pytest.raises(UsageError, match=f"invalid --{option.replace('_', '-')} '{value}': expected more than 0"):
        resolve(RunOptions(space="cnn_cifar", **{option: value}), file=None)  # type: ignore[arg-type]


def test_no_time_at_all_is_refused() -> None:
    with pytest.raises(UsageError, match="invalid --timeout '0s': expected more than 0s"):
        resolve(RunOptions(space="cnn_cifar", timeout="0s"), file=None)


@pytest.mark.parametrize("option", ["sampler", "pruner", "metric", "executor", "resize"])
def test_an_unknown_choice_gets_the_list(option: str) -> None:
    with pytest.raises(UsageError, match=rf"^invalid --{option} 'xyz': expected \w+(, \w+)* or \w+$"):
        resolve(RunOptions(space="cnn_cifar", **{option: "xyz"}), file=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["a/b", "..", ".", "", "a b", "ä", "x" * 101])
def test_a_study_name_that_is_no_folder_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="invalid --study"):
        resolve(RunOptions(space="cnn_cifar", study=name), file=None)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("digits", "net-digits"),
        ("some/where/my photos", "net-my-photos"),
        ("/data/small.npz", "net-small"),
        ("photos/labels.csv", "net-labels"),
        ("x/../..", "net"),
        ("folder/", "net-folder"),
    ],
)
def test_a_study_s_own_name_is_a_folder_s(data: str, name: str) -> None:
    assert study_name("net", data) == name


def test_each_fault_that_is_allowed_must_be_known() -> None:
    expected = r"^invalid --allow 'conflict': expected conflicts or overlap\nDid you mean 'conflicts'\?$"
    with pytest.raises(UsageError, match=expected):
        resolve(RunOptions(space="cnn_cifar", allow="overlap,conflict"), file=None)


def test_the_command_names_ranges_and_faults() -> None:
    typed = RunOptions(space="cnn_cifar", data="d", study="s", pixel_range="-1,1", allow="overlap,conflicts")

    command = command_for(resolve(typed, file=None).settings)
    assert " --pixel-range -1,1 --allow overlap --allow conflicts " in command


def test_the_command_repeats_the_run() -> None:
    typed = RunOptions(space="cnn_cifar", data="my photos", trials=8, timeout=5400.0, skip_bad=True, study="s")
    settings = resolve(typed, file=None).settings

    assert command_for(settings) == (
        "python -m search run --space cnn_cifar --data 'my photos' --skip-bad --study s --seed 0 --trials 8 "
        "--timeout 1h30m"
    )


@pytest.mark.parametrize(
    ("enqueue", "baselines", "starts"),
    [
        ("none", [], []),
        ("short_one_cycle", [], ["short_one_cycle"]),
        ("he_2016_resnet20, short_one_cycle", ["he_2016_resnet20"], ["short_one_cycle"]),
        (["he_2016_resnet20", "short_one_cycle"], ["he_2016_resnet20"], ["short_one_cycle"]),
        ([], [], []),
        ("learning_rate=0.02,weight_decay=0", ["he_2016_resnet20"], ["short_one_cycle"]),
        ("short_one_cycle,learning_rate=0.02,weight_decay=0", [], ["short_one_cycle"]),
        (None, ["he_2016_resnet20"], ["short_one_cycle"]),
    ],
)
def test_a_search_begins_with_what_is_named(
    enqueue: str | list[str] | None, baselines: list[str], starts: list[str]
) -> None:
    resolved = resolve(RunOptions(space="resnet_cifar", enqueue=enqueue), file=None)

    assert (list(resolved.space.baselines), list(resolved.space.starts)) == (baselines, starts)
    assert ("--enqueue" in command_for(resolved.settings)) == (enqueue is not None)


@pytest.mark.parametrize(
    ("text", "beginnings"),
    [
        ("a=1,b=2", ("a=1,b=2",)),
        ("name,a=1, b=2", ("name", "a=1,b=2")),
        ("a=1,b=2,other:a=3,b=4,name", ("a=1,b=2", "other:a=3,b=4", "name")),
        (["a=1,b=2", "a=3"], ("a=1,b=2", "a=3")),
    ],
)
def test_values_stay_together_where_names_are_separated(text: str | list[str], beginnings: tuple[str, ...]) -> None:
    assert OPTIONS["enqueue"].kind.read(text, "--enqueue") == beginnings


def test_a_beginning_that_the_space_lacks_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="baseline or start 'short_cycle'. Did you mean 'short_one_cycle'"):
        resolve(RunOptions(space="resnet_cifar", enqueue="short_cycle"), file=None)


def test_a_password_reaches_neither_settings_nor_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAMIZ_STORAGE", "postgresql://ada:canary@127.0.0.1/db")

    settings = resolve(RunOptions(space="cnn_cifar"), file=None).settings

    assert settings.storage == "env:TAMIZ_STORAGE"
    assert "canary" not in repr(settings) + command_for(settings)


def test_a_backbone_is_offered_to_the_space_s_trials() -> None:
    resolved = resolve(RunOptions(space="transfer_frozen", data="digits", backbone="VGG16:none"), file=None)

    assert resolved.space.backbones == Backbones(names=("VGG16",), weights="none")
    assert "--backbone VGG16:none" in command_for(resolved.settings)


def test_a_backbone_for_a_space_without_one_is_refused() -> None:
    with pytest.raises(UsageError, match="space 'cnn_cifar' does not use a backbone"):
        resolve(RunOptions(space="cnn_cifar", backbone="VGG16"), file=None)


def _exported(folder: Path, *, sha256: str) -> str:
    """Write a model, whose content nobody looks at here, and a card that says what its content should be."""
    file = folder / "model.keras"
    file.write_bytes(b"layers")
    card = ModelCard(
        schema=schema,
        study="s",
        trial=0,
        sha256=sha256,
        classes=("a", "b"),
        height=8,
        width=8,
        channels=1,
        resize="pad",
    )
    (folder / "model_card.json").write_text(json.dumps(to_plain(card)))
    return str(file)


def test_a_model_that_a_search_left_is_a_backbone(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"layers").hexdigest()
    options = RunOptions(space="transfer_frozen", data="digits", backbone=_exported(tmp_path, sha256=digest))

    assert resolve(options, file=None).space.backbones.digest == f"sha256:{digest}"


def test_a_model_that_was_changed_since_is_none(tmp_path: Path) -> None:
    options = RunOptions(space="transfer_frozen", data="digits", backbone=_exported(tmp_path, sha256="0" * 64))

    with pytest.raises(UsageError, match="model.keras is not the model that model_card.json beside it was written for"):
        resolve(options, file=None)


def test_a_model_of_unknown_origin_is_none(tmp_path: Path) -> None:
    (tmp_path / "model.keras").write_bytes(b"layers")

    with pytest.raises(UsageError, match=r"model_card.json is missing.*\nUse a model in the folder where"):
        resolve(RunOptions(space="transfer_frozen", data="digits", backbone="model.keras"), file=None)


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (RunOptions(until=98.0), "invalid --until '98': expected 0 to 1, such as 0.95, the range of val_accuracy"),
        (RunOptions(until=-1.0, metric="val_loss"), "invalid --until '-1': expected 0 or more"),
        (RunOptions(until=float("nan")), "invalid --until 'nan'"),
        (RunOptions(min_gain=-0.1), "invalid --min-gain '-0.1': expected at least 0"),
        (
            RunOptions(min_gain=2.0),
            "invalid --min-gain '2': expected 0 to 1, such as 0.002",
        ),
        (RunOptions(min_gain=float("nan")), "invalid --min-gain 'nan': expected at least 0"),
        (RunOptions(no_improvement_trials=0), "invalid --no-improvement-trials '0': expected more than 0"),
        (RunOptions(study="-x"), "invalid --study '-x': expected .*, the first of them not a dash"),
    ],
)
def test_what_could_not_be_reached_or_typed_again_is_refused(typed: RunOptions, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolve(RunOptions(space="cnn_cifar") | typed, file=None)


def test_the_settings_of_a_study_that_exists_are_its_defaults(tmp_path: Path) -> None:
    _study(tmp_path / "runs", total=7)
    settings = resolve(RunOptions(study="toy", space="cnn_cifar", trials=9), file=None).settings

    assert (settings.trials, settings.epochs, settings.sampler, settings.runs) == (9, 3, "random", "runs")


def test_a_study_named_by_space_and_data_alone_has_its_settings_too(tmp_path: Path) -> None:
    _study(tmp_path / "mine", total=7).path.rename(tmp_path / "mine" / "cnn_cifar-digits")
    typed = RunOptions(space="cnn_cifar", data="digits", runs="mine")

    assert resolve(typed, file=None).settings.trials == 7
    assert resolve(RunOptions(typed, study="other"), file=None).settings.trials == 50
