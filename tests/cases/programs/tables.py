"""CSV files as other programs write them, and choices of a space as people write them."""

from __future__ import annotations

from collections.abc import Iterable

from tests.cases.inputs import fill, rows, space
from tests.cases.shell import Case, Shell, expect

SMALL = "--image-size 8 --trials 1 --epochs 1 --executor inline --study s --json"


def write(shell: Shell, name: str, lines: Iterable[str]) -> None:
    """Write a table, with the folder it lies in."""
    path = shell.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def search(shell: Shell, table: str) -> None:
    """Search the table's 120 images of three classes."""
    tiny = space(shell.folder / "tiny.py")
    data = shell.search(f"run --space {tiny} --data {table} {SMALL}").expect(0).json["data"]
    found = (data["train"], data["validation"], data["test"], data["classes"])
    expect(found == (76, 20, 24, ["cat", "dog", "fox"]), f"train, validation, test, classes: {found}")


def columns(shell: Shell) -> None:
    """The label first, an index column, and a column that is not used."""
    fill(shell.folder / "photos")
    images = rows(shell.folder / "photos")
    write(shell, "label_first.csv", ["label,path", *(f"{label},{path}" for path, label in images)])
    write(shell, "index.csv", [",path,label", *(f"{n},{path},{label}" for n, (path, label) in enumerate(images))])
    write(shell, "extra.csv", ["path,label,width", *(f"{path},{label},16" for path, label in images)])
    notes = {"label_first": "120 readable images, 3 classes", "index": "one without a name", "extra": "width"}
    for name, note in notes.items():
        shell.search(f"data check {name}.csv").expect(0, note, "fit for a search")


def backslashes(shell: Shell) -> None:
    r"""A table from Windows: photos\cat\000.png."""
    fill(shell.folder / "photos")
    images = [(path.replace("/", "\\"), label) for path, label in rows(shell.folder / "photos")]
    write(shell, "windows.csv", ["path,label", *(f"{path},{label}" for path, label in images)])
    search(shell, "windows.csv")


def relative_to_the_working_folder(shell: Shell) -> None:
    """A table in another folder than the images, with paths from the working folder."""
    fill(shell.folder / "photos")
    write(shell, "lists/labels.csv", ["path,label", *map(",".join, rows(shell.folder / "photos"))])
    search(shell, "lists/labels.csv")


def missing_files(shell: Shell) -> None:
    """A table whose files are not there."""
    write(shell, "lists/labels.csv", ["path,label", "a.png,cat", "b.png,dog"])
    missing = "none of the 2 files exists; the first was looked for at"
    for command in ("data check lists/labels.csv", "run --space cnn_cifar --data lists/labels.csv --executor inline"):
        shell.search(command).expect(3, missing, "lists/a.png")


def numpy_choices(shell: Shell) -> None:
    """Choices that are NumPy's numbers."""
    space(
        shell.folder / "numpy_choices.py",
        imports="import numpy as np",
        choices='filters = trial.suggest_categorical("filters", list(np.array([4, 8, 16])))',
        network="ConvNet(stages=(Stage(filters=filters, convolutions=1),), kernel=3)",
        rate='trial.suggest_categorical("lr", np.logspace(-3, -1, 3))',
    )
    found = shell.search(f"run --space numpy_choices.py --data digits {SMALL}").expect(0).json["best"]["params"]
    expect(found["filters"] in (4, 8, 16) and found["lr"] in (0.001, 0.01, 0.1), f"parameters {found}")


def none_as_a_choice(shell: Shell) -> None:
    """A choice that is None."""
    space(
        shell.folder / "none.py",
        choices='dropout = trial.suggest_categorical("dropout", [None, 0.2, 0.5])',
        rate="0.01 if dropout is None else 0.02",
    )
    found = shell.search(f"run --space none.py --data digits {SMALL}").expect(0).json["best"]["params"]
    expect(found["dropout"] in (None, 0.2, 0.5), f"parameters {found}")


CASES = (
    Case(name="13-csv-column-order", play=columns, trains=False),
    Case(name="14-csv-backslashes", play=backslashes),
    Case(name="15-numpy-choices", play=numpy_choices),
    Case(name="31-csv-relative-to-working-folder", play=relative_to_the_working_folder),
    Case(name="32-choice-none", play=none_as_a_choice),
    Case(name="csv-without-its-files", play=missing_files, trains=False),
)
