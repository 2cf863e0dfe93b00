"""Settings of the environment that a search cannot follow are named, before anything is made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from objectives import keras_settings
from objectives.data.directories import DataDirectories
from search.workers.ray_backend.local_cluster import ensure_private_token
from spaces.errors import StorageError, UsageError

_root = Path(__file__).parents[2]


@pytest.fixture
def keras_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for keras.json, in a process that has not imported Keras yet."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"backend": "theano"}, "invalid backend 'theano' in {file}: expected tensorflow, jax or torch"),
        ({"floatx": "float8"}, "invalid floatx 'float8' in {file}: expected float16 or float32 or float64"),
        (
            {"image_data_format": "th"},
            "invalid image_data_format 'th' in {file}: expected channels_last or channels_first",
        ),
        ({"epsilon": 1}, "invalid epsilon 1 in {file}: expected a fraction, such as 1e-07"),
    ],
)
def test_a_setting_that_keras_refuses_is_named_with_its_file(
    keras_home: Path, settings: dict[str, object], said: str
) -> None:
    file = keras_home / "keras.json"
    file.write_text(json.dumps(settings))
    with pytest.raises(UsageError) as error:
        keras_settings.check()
    assert str(error.value) == said.format(file=file)


def test_the_variable_comes_before_the_file_and_is_named(keras_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (keras_home / "keras.json").write_text('{"backend": "tensorflow"}')
    monkeypatch.setenv("KERAS_BACKEND", "cntk")
    with pytest.raises(UsageError, match=r"^invalid KERAS_BACKEND 'cntk': expected tensorflow, jax or torch$"):
        keras_settings.check()
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert (keras_settings.check(), keras_settings.backend()) == (None, "tensorflow")


def test_a_backend_that_is_not_installed_is_named(keras_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "torch" else object())
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    with pytest.raises(
        UsageError, match=r"^invalid KERAS_BACKEND 'torch': it is not installed, only tensorflow and jax"
    ):
        keras_settings.check()


@pytest.mark.parametrize("content", [None, "{", "[]", "{}", '{"floatx": "float32"}'])
def test_usual_settings_pass_in_silence(keras_home: Path, content: str | None) -> None:
    if content is not None:
        (keras_home / "keras.json").write_text(content)
    assert (keras_settings.check(), keras_settings.backend()) == (None, "tensorflow")


def test_another_precision_is_reported(keras_home: Path) -> None:
    file = keras_home / "keras.json"
    file.write_text('{"floatx": "float16"}')
    assert keras_settings.check() == f"{file} has floatx float16, which a search does not follow: float32 is used"


@pytest.fixture
def without_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user of a container that has neither HOME nor a name."""
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "TAMIZ_CACHE", "TAMIZ_DATA", "KERAS_HOME"):
        monkeypatch.delenv(name, raising=False)

    def unknown(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr("pwd.getpwuid", unknown)


@pytest.mark.usefixtures("without_home")
def test_without_a_home_folder_the_variable_to_set_is_named() -> None:
    with pytest.raises(StorageError, match="this user has no home folder.*\nSet HOME, or TAMIZ_CACHE to a folder"):
        DataDirectories.from_environment()


@pytest.mark.usefixtures("without_home")
def test_without_a_home_folder_the_named_cache_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAMIZ_CACHE", str(tmp_path))
    found = DataDirectories.from_environment()
    assert (found.cache, found.data) == (tmp_path, tmp_path / "data")


@pytest.mark.usefixtures("without_home")
def test_without_a_home_folder_ray_s_token_is_kept_in_the_environment() -> None:
    environment: dict[str, str] = {}
    ensure_private_token(environment)
    assert len(environment["RAY_AUTH_TOKEN"]) == 64


def _in_a_notebook(folder: Path, lines: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", lines],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(_root)} | environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.slow
def test_a_notebooks_settings_are_as_they_were_after_a_search(tmp_path: Path) -> None:
    lines = """
import logging, keras, optuna, tensorflow as tf
from search import run
keras.config.set_floatx("float16")
keras.config.set_dtype_policy("mixed_float16")
keras.config.set_image_data_format("channels_first")
tf.config.run_functions_eagerly(True)
tf.config.threading.set_intra_op_parallelism_threads(1)
optuna.logging.set_verbosity(optuna.logging.DEBUG)
logging.getLogger("tensorflow").setLevel(logging.INFO)
done = run(space="cnn_cifar", data="digits", trials=1, epochs=1, train_images=200, executor="inline", quiet=True)
print(done.summary.status, keras.config.floatx(), keras.config.dtype_policy().name, keras.config.image_data_format())
print(tf.config.functions_run_eagerly(), tf.config.threading.get_intra_op_parallelism_threads())
print(optuna.logging.get_verbosity(), logging.getLogger("tensorflow").level)
"""
    done = _in_a_notebook(tmp_path, lines, KERAS_BACKEND="tensorflow")
    assert done.stdout.splitlines() == ["done float16 mixed_float16 channels_first", "True 1", "10 20"], done.stderr


def test_a_backend_that_was_set_too_late_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    keras = types.SimpleNamespace(backend=types.SimpleNamespace(backend=lambda: "jax"))
    monkeypatch.setitem(sys.modules, "keras", keras)
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    line = keras_settings.check()
    assert line is not None
    assert line.startswith("Keras runs on jax here")
    assert "Ray workers run on torch" in line
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert keras_settings.check() is None


@pytest.mark.slow
def test_ray_that_a_notebook_has_started_is_left_alone(tmp_path: Path) -> None:
    lines = """
import ray
ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
from search import run
try:
    run(space="cnn_cifar", data="digits", trials=1, epochs=1)
except Exception as error:
    print(type(error).__name__, error)
print(ray.is_initialized(), ray.get(ray.put(7)))
"""
    done = _in_a_notebook(tmp_path, lines)
    said, advice, after = done.stdout.splitlines()[-3:]
    assert said == "UsageError Ray is already running in this process", done.stderr
    assert "ray.shutdown()" in advice
    assert after == "True 7"
