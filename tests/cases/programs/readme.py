"""README's blocks, typed from there in a clean shell; with fewer trials, so that they end in seconds."""

from __future__ import annotations

import re

from tests.cases.inputs import fill
from tests.cases.shell import REPOSITORY, Case, Shell, expect

FEWER = "--trials 1 --epochs 1 --workers 1"


def blocks(language: str) -> list[str]:
    """Return the text of each block of code in this language."""
    return re.findall(rf"```{language}\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL)


def only(texts: list[str], word: str) -> str:
    """Return the one text that contains the word."""
    (found,) = [text for text in texts if word in text]
    return found


def first_search(shell: Shell) -> None:
    """README's first search, then its lines that use the model."""
    command = only(blocks("sh"), "--space cnn_cifar --data digits --trials").removeprefix("python -m search ")
    shell.search(f"{command} {FEWER}").expect(0, "1 complete", "runs/cnn_cifar-digits/report.html")
    (shell.folder / "use.py").write_text(only(blocks("python"), "load_model"))
    printed = shell.python("use.py").expect(0).out.split()[-1]
    expect(printed in "0123456789", f"README's lines printed {printed!r}, which is not a class")


def notebook(shell: Shell) -> None:
    """README's lines for a notebook, with what it would show printed."""
    lines = only(blocks("python"), "from search import run")
    fewer = lines.replace("trials=12", "trials=1, epochs=1, workers=1")
    expect(fewer != lines, "README's notebook does not search 12 trials")
    (shell.folder / "notebook.py").write_text(re.sub(r"^(result\S*)  #", r"print(\1)  #", fewer, flags=re.MULTILINE))
    shell.python("notebook.py").expect(0, "1 complete", "learning_rate", "state")


def own_images(shell: Shell) -> None:
    """README's commands for a user's own images."""
    fill(shell.folder / "path" / "to" / "photos")
    check, run = only(blocks("sh"), "data check").replace("python -m search ", "").splitlines()
    shell.search(check).expect(0, "fit for a search")
    shell.search(f"{run} {FEWER} --enqueue none").expect(0, "1 complete", "runs/cnn_folder-photos/report.html")


def own_space(shell: Shell) -> None:
    """README's own space, and the commands below it."""
    own = only(blocks("python"), "def suggest")
    command, name = re.findall(r"^python -m search (run --space (\w+\.py) .*)$", own, re.MULTILINE)[0]
    (shell.folder / name).write_text(own)
    study = f"{name.removesuffix('.py')}-digits"
    shell.search(f"{command} {FEWER}").expect(0, "1 complete", f"runs/{study}/report.html")
    shell.search(f"run --space cnn_cifar --data digits {FEWER}").expect(0)
    run, compare = only(blocks("sh"), "search compare").replace("python -m search ", "").splitlines()
    expect(run == command, f"README has two commands for its space: {command!r} and {run!r}")
    shell.search(compare).expect(0, "cnn_cifar-digits", study)


CASES = (
    Case(name="readme-first-search", play=first_search),
    Case(name="readme-notebook", play=notebook),
    Case(name="readme-own-images", play=own_images),
    Case(name="readme-own-space", play=own_space),
)
