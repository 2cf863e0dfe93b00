"""A dataset given as a CSV of path, label and perhaps split."""

from __future__ import annotations

import csv
from pathlib import Path

from objectives.data.folders.index import ImageFile, ImageIndex, finished
from objectives.data.folders.layout import Part, part_named
from objectives.data.folders.tree import printable
from spaces.errors import DataError

ACCEPTED = "path,label or path,label,split"


def index_csv(table: Path) -> ImageIndex:
    """Index the images that a CSV lists; paths are relative to the CSV's folder.

    The first line is `path,label` or `path,label,split`; a split is train (also where empty),
    val, valid, validation or test.

    Raises:
        DataError: another first line, a line without path or label, an unknown split.
    """
    try:
        with table.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines, skipinitialspace=True)
            columns = [(column or "").strip().lower() for column in reader.fieldnames or ()]
            if columns not in (["path", "label"], ["path", "label", "split"]):
                came = ",".join(columns)[:80] or "nothing"
                raise DataError(f"{table}: the first line is {came!r}; accepted: {ACCEPTED}")
            reader.fieldnames = columns
            files = [_image_file(row, table, reader.line_num) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table} can't be read as a CSV in UTF-8: {error}") from error
    return finished(files)


def _image_file(row: dict[str | None, str | None], table: Path, line: int) -> ImageFile:
    path, label, split = ((row.get(column) or "").strip() for column in ("path", "label", "split"))
    if None in row or not path or not label or "\0" in path:
        raise DataError(f"{table}, line {line}: a path and a label are needed; accepted: {ACCEPTED}")
    part: Part | None = part_named(split) if split else "train"
    if part is None:
        raise DataError(f"{table}, line {line}: split is '{printable(split)}'; accepted: train, val, test")
    return ImageFile(path=table.parent / path, shown=printable(path), label=printable(label), part=part)
