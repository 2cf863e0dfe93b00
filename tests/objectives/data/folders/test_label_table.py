"""A CSV of path,label[,split] as a dataset."""

from __future__ import annotations

from pathlib import Path

import pytest

from objectives.data.folders.label_table import index_csv
from spaces.errors import DataError


def table(tmp_path: Path, text: str) -> Path:
    (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
    return tmp_path / "labels.csv"


def test_each_line_is_an_image_that_trains(tmp_path: Path) -> None:
    index = index_csv(table(tmp_path, "path,label\na.png,cat\nb/c.png,dog\n"))

    assert [(file.path, file.label, file.part) for file in index.files] == [
        (tmp_path / "a.png", "cat", "train"),
        (tmp_path / "b/c.png", "dog", "train"),
    ]


def test_a_third_column_names_the_part(tmp_path: Path) -> None:
    lines = "Path, Label, Split\na.png, cat, train\nb.png, dog,\nc.png, dog, val\nd.png, cat, test\n"

    assert [file.part for file in index_csv(table(tmp_path, lines)).files] == ["train", "train", "validation", "test"]


def test_excel_s_mark_before_the_first_line_is_no_letter(tmp_path: Path) -> None:
    assert index_csv(table(tmp_path, "\ufeffpath,label\na.png,cat\nb.png,dog\n")).classes == ("cat", "dog")


REFUSED = {
    "other columns": ("a.png,cat\nb.png,dog\n", "the first line is 'a.png, cat'; expected a column for the file"),
    "nothing": ("", "the first line is 'nothing'"),
    "no label": ("path,label\na.png,cat\nb.png\n", "line 3: a path and a label are needed"),
    "too many values": ("path,label\na.png,cat,train\n", "line 2"),
    "an unknown split": ("path,label,split\na.png,cat,spare\n", "line 2: split is 'spare'; expected train, val"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        index_csv(table(tmp_path, text))


def test_bytes_that_are_not_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes(b"path,label\n\x81.png,cat\n")

    with pytest.raises(DataError, match="is not text; expected a CSV in UTF-8, UTF-16 or Windows-1252"):
        index_csv(tmp_path / "labels.csv")
