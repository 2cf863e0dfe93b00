"""A study continues wherever it lies and however its data are named."""

from __future__ import annotations

import contextlib
import re
import subprocess
import time

from tests.cases.inputs import fill, space
from tests.cases.shell import Case, Shell, expect

SMALL = "--image-size 8 --epochs 1 --executor inline --study s"


def other_spelling(shell: Shell) -> None:
    """photos, then photos/, ./photos and absolute paths."""
    fill(shell.folder / "photos")
    space(shell.folder / "tiny.py")
    shell.search(f"run --space tiny.py --data photos --trials 1 {SMALL}").expect(0)
    spellings = (
        ("tiny.py", "photos/"),
        ("./tiny.py", "./photos"),
        (str(shell.folder / "tiny.py"), str(shell.folder / "photos")),
    )
    for trials, (tiny, photos) in enumerate(spellings, start=2):
        shell.search(f"run --space {tiny} --data {photos} --trials {trials} {SMALL}").expect(0, f"{trials} complete")


def another_folder(shell: Shell) -> None:
    """`resume` from another working folder than that of `run`."""
    fill(shell.folder / "photos")
    space(shell.folder / "tiny.py")
    (shell.folder / "sub").mkdir()
    shell.search(f"run --space tiny.py --data photos --trials 1 {SMALL}").expect(0)
    shell.search("resume s --runs ../runs --trials 2", within="sub").expect(0, "2 complete")


def stopped_study(shell: Shell) -> None:
    """A study of 500 trials that SIGTERM stopped after the first."""
    space(shell.folder / "tiny.py")
    command = f"-m search run --space tiny.py --data digits --trials 500 {SMALL}"
    log = (shell.folder / "log").open("w+")
    with log, shell.start(*command.split(), stdout=log.fileno(), stderr=log.fileno()) as process:
        deadline = time.monotonic() + 120
        while "trial 0 complete" not in (shell.folder / "log").read_text() and time.monotonic() < deadline:
            time.sleep(0.1)
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=60)
        process.kill()
    end = (shell.folder / "log").read_text()
    expect("resume with: python -m search resume s\n" in end, f"the end of run: {end[-300:]}")
    status = shell.search("status s").expect(0)
    commands = re.findall(r"python -m search (.*)", status.out)
    expect(commands == ["resume s"], f"status names the commands {commands}: {status.out}")


def named_like_an_option(shell: Shell) -> None:
    """A study named -x."""
    refused = shell.search("run --space cnn_cifar --data digits --executor inline --study=-x").expect(2, "'-x'")
    expect(not (shell.folder / "runs").exists(), "the refused search left a folder")
    expect(refused.out == "", f"the refused search printed {refused.out!r}")


CASES = (
    Case(name="9-same-folder-other-spelling", play=other_spelling),
    Case(name="10-resume-from-another-folder", play=another_folder),
    Case(name="19-status-of-a-stopped-study", play=stopped_study),
    Case(name="study-named-like-an-option", play=named_like_an_option, trains=False),
)
