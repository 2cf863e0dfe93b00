"""Settings, files and accounts of a machine do not get in the way, or they are named."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace

from tests.cases.inputs import fill, space
from tests.cases.shell import Case, Shell, expect
from tests.needs import UNPRIVILEGED

SMALL = "--epochs 1 --trials 1 --executor inline --study s"
HOSTILE = "raise RuntimeError('a file of the user was imported in place of a package')\n"
INSTALLED = """import sys
from importlib.machinery import PathFinder
from importlib.util import spec_from_file_location

OURS = ("spaces", "objectives", "reports", "search")


class Packages:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in OURS:
            return spec_from_file_location(name, f"{code}/{{name}}/__init__.py")
        parent = name.rpartition(".")[0]
        return PathFinder.find_spec(name, [f"{code}/{{parent}}"]) if parent in OURS else None


sys.meta_path.insert(sys.meta_path.index(PathFinder) + 1, Packages)
"""


def as_installed(shell: Shell) -> Shell:
    """Return a shell that finds the packages as `pip install --editable` does: after folders on the path."""
    site = shell.folder / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(INSTALLED.format(code=shell.code))  # Python imports it as it starts
    return replace(shell, environment={"PYTHONPATH": str(site)})


def folder_called_reports(shell: Shell) -> None:
    """An empty folder `reports` in the working folder."""
    (shell.folder / "reports").mkdir()
    shell = as_installed(shell)
    tiny = space(shell.folder / "tiny.py")
    shell.search(f"run --space {tiny} --data digits {SMALL}").expect(0, "runs/s/report.html")
    expect((shell.folder / "runs" / "s" / "report.html").is_file(), "there is no report")
    shell.search("report s").expect(0)


def files_beside_the_space(shell: Shell) -> None:
    """Folders and files beside the space that are named like packages; the search runs elsewhere."""
    (shell.folder / "mine" / "reports").mkdir(parents=True)
    (shell.folder / "elsewhere").mkdir()
    for name in ("objectives", "numpy", "random", "types"):
        (shell.folder / "mine" / f"{name}.py").write_text(HOSTILE)
    space(shell.folder / "mine" / "tiny.py")
    run = f"run --space ../mine/tiny.py --data digits {SMALL}"
    as_installed(shell).search(run, within="elsewhere").expect(0)
    expect((shell.folder / "elsewhere" / "runs" / "s" / "report.html").is_file(), "there is no report")


def unknown_backend(shell: Shell) -> None:
    """An old keras.json, then the variable."""
    settings = shell.folder / "home" / ".keras" / "keras.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"floatx": "float32", "epsilon": 1e-07, "backend": "theano"}))
    run = "run --space cnn_cifar --data digits --trials 1 --epochs 1"
    expected = "expected tensorflow, jax or torch"
    by_file = shell.search(run).expect(2, f"invalid backend 'theano' in {settings}: {expected}")
    by_variable = replace(shell, environment={"KERAS_BACKEND": "theano"}).search(run)
    by_variable.expect(2, f"error: invalid KERAS_BACKEND 'theano': {expected}\n")
    slower = max(by_file.seconds, by_variable.seconds)
    expect(slower < 15, f"the refusal took {slower:.0f} s")
    expect(not (shell.folder / "runs").exists(), "the refused search left a folder")


def half_precision(shell: Shell) -> None:
    """A keras.json with float16."""
    settings = shell.folder / "home" / ".keras" / "keras.json"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"floatx": "float16"}')
    tiny = space(shell.folder / "tiny.py")
    shell.search(f"run --space {tiny} --data digits {SMALL}").expect(0, f"{settings} has floatx float16", "1 complete")


NAMELESS = """import pwd


def unknown(uid):
    raise KeyError(f"getpwuid(): uid not found: {uid}")


pwd.getpwuid = unknown
"""


def without_home(shell: Shell) -> None:
    """A container's user that has neither HOME nor an entry in passwd."""
    fill(shell.folder / "photos")
    tiny = space(shell.folder / "tiny.py")
    (shell.folder / "site").mkdir()
    (shell.folder / "site" / "sitecustomize.py").write_text(NAMELESS)
    path = f"{shell.folder / 'site'}{os.pathsep}{shell.code}"
    nameless = replace(shell, environment={"HOME": None, "PYTHONPATH": path})
    for command in ("data check photos", f"run --space {tiny} --data photos {SMALL}"):
        nameless.search(command).expect(5, "this user has no home folder", "TAMIZ_CACHE")
    told = replace(nameless, environment={**nameless.environment, "TAMIZ_CACHE": str(shell.folder / "cache")})
    told.search("data check photos").expect(0, "fit for a search")
    told.search(f"run --space {tiny} --data photos --epochs 1 --trials 1 --workers 1 --study s").expect(0, "1 complete")


def unwritable_runs(shell: Shell) -> None:
    """A folder for runs that may only be read."""
    runs = shell.folder / "runs"
    runs.mkdir(mode=0o555)
    is_root = os.geteuid() == 0
    expect(not is_root or shutil.which(UNPRIVILEGED[0]), f"needs {UNPRIVILEGED[0]}, of Debian's package util-linux")
    held_back = replace(shell, before=UNPRIVILEGED if is_root else ())
    held_back.search("run --space cnn_cifar --data digits --trials 1 --executor inline").expect(5, "runs", "denied")


CASES = (
    Case(name="11-a-folder-called-reports", play=folder_called_reports),
    Case(name="12-keras-backend-theano", play=unknown_backend, trains=False),
    Case(name="16-no-home-no-passwd-entry", play=without_home),
    Case(name="files-beside-the-space", play=files_beside_the_space),
    Case(name="keras-json-with-float16", play=half_precision),
    Case(name="runs-folder-that-is-read-only", play=unwritable_runs, trains=False),
)
