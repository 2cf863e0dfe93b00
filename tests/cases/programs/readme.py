"""README's blocks, typed from there in a clean shell; with fewer trials, so that they end in seconds."""

from __future__ import annotations

import re

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


def own_space(shell: Shell) -> None:
    """README's own space, and the command below it."""
    own = only(blocks("python"), "def suggest")
    command, name = re.findall(r"^python -m search (run --space (\w+\.py) .*)$", own, re.MULTILINE)[0]
    (shell.folder / name).write_text(own)
    study = f"{name.removesuffix('.py')}-digits"
    shell.search(f"{command} {FEWER}").expect(0, "1 complete", f"runs/{study}/report.html")


CASES = (
    Case(name="readme-first-search", play=first_search),
    Case(name="readme-own-space", play=own_space),
)
