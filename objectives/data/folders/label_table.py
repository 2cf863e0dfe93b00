"""A dataset given as a CSV file: a column of image files, a column of labels, and perhaps one of parts."""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from objectives.data.folders.given import GivenParts
from objectives.data.folders.index import ImageFile, ImageIndex, finished
from objectives.data.folders.layout import Part, parts_of_names
from objectives.data.folders.tree import printable
from objectives.data.images.decoding import EXTENSIONS
from spaces.errors import DataError, UsageError

PATH_COLUMNS = (
    "path",
    "filepath",
    "file_path",
    "image_path",
    "filename",
    "file_name",
    "file",
    "image",
    "img",
    "image_name",
    "image_id",
    "id",
)
LABEL_COLUMNS = ("label", "labels", "class", "class_name", "target", "category")
SPLIT_COLUMNS = ("split", "part", "subset", "set")
ACCEPTED = (
    "a column for the file (path, file, filename, image), one for the label (label, class, target), perhaps split"
)
DELIMITERS = (",", ";", "\t")
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def index_csv(table: Path, *, given: GivenParts | None = None) -> ImageIndex:
    """Index the images that a CSV lists.

    The first line names the columns, in any order; other columns are left alone. Fields are
    separated by commas, semicolons or tabs. Paths are relative to the CSV's folder or, where there
    is no such file, to the working folder; "\\" counts as "/", and an image's ending may be missing.
    The split is train (also where empty), val or test, in the usual words.

    Args:
        table: The CSV file.
        given: The parts by their text in the split column, where the user gave them.

    Raises:
        DataError: no such columns, a line without path or label, an unknown split.
        UsageError: no line has a split that is given.
    """
    text, encoding = _text(table)
    try:
        rows, second_line = _rows(text)
    except csv.Error as error:
        raise DataError(f"{table} can't be read as a CSV: {error}") from error
    columns = _columns(rows[0] if rows else [], table)
    finder = _Finder(table.parent)
    splits = {row[columns.split] for row in rows[1:] if columns.split is not None and len(row) > columns.split}
    if unknown := sorted(set(given or ()) - splits):
        raise UsageError(f"invalid --parts {unknown[0]!r}: expected a split in {table}: {', '.join(sorted(splits))}")
    parts = {**parts_of_names(splits), **(given or {})}
    files = [
        _image_file(row, line, table, columns, parts, finder)
        for line, row in enumerate(rows[1:], start=second_line)
        if row
    ]
    notes = [f"{table.name} was read as {encoding}, as it is not UTF-8"] if encoding == "cp1252" else []
    if columns.unused:
        notes.append(f"columns that are not used: {', '.join(columns.unused)}")
    index = finished(files, problems=[finder.missing] if files and not finder.found else [], notes=notes)
    return replace(index, missing=finder.missing)


@dataclass(frozen=True, kw_only=True)
class _Columns:
    path: int
    label: int
    split: int | None
    count: int
    unused: tuple[str, ...]


@dataclass
class _Finder:
    """Finds the files that a table names."""

    folder: Path
    found: int = 0
    _lost: list[str] = field(default_factory=list)
    _listed: dict[Path, dict[str, Path]] = field(default_factory=dict)

    def places(self, name: str) -> list[Path]:
        """Where a file is looked for, in this order."""
        plain = name.replace("\\", "/")
        return list(dict.fromkeys([self.folder / name, self.folder / plain, Path.cwd() / plain]))

    def find(self, name: str) -> Path:
        """Return the file; the first place where there is none."""
        places = self.places(name)
        for place in places:
            if os.path.exists(place):  # noqa: PTH110 (pathlib raises for an overlong name)
                self.found += 1
                return place
        if Path(places[-1]).suffix.lower() not in EXTENSIONS:
            for place in places:
                ending = self._images_in(place.parent).get(place.name)
                if ending is not None:
                    self.found += 1
                    return ending
        self._lost.append(name)
        return places[0]

    @property
    def missing(self) -> str:
        """How many files are not there, and where the first was looked for; empty where all are."""
        if not self._lost:
            return ""
        looked = " and ".join(map(printable, map(str, self.places(self._lost[0]))))
        total = self.found + len(self._lost)
        count = (
            f"{len(self._lost)} of the {total} files do not exist"
            if self.found
            else f"none of the {total} files exists"
        )
        return f"{count}; the first was looked for at {looked}"

    def _images_in(self, folder: Path) -> Mapping[str, Path]:
        """The images of a folder, by name without ending."""
        if folder not in self._listed:
            inside = sorted(folder.iterdir()) if os.path.isdir(folder) else []  # noqa: PTH112
            self._listed[folder] = {path.stem: path for path in inside if path.suffix.lower() in EXTENSIONS}
        return self._listed[folder]


def _text(table: Path) -> tuple[str, str]:
    """Return the content of a table and its encoding."""
    try:
        content = table.read_bytes()
    except OSError as error:
        raise DataError(f"{table} can't be read: {error.strerror}") from error
    marked = next((encoding for mark, encoding in _BYTE_ORDER_MARKS.items() if content.startswith(mark)), None)
    if marked is None and b"\0" in content[:2]:  # a mark is missing; the first letter is one of ASCII
        marked = "utf-16-be" if content[:1] == b"\0" else "utf-16-le"
    for encoding in (marked,) if marked else ("utf-8", "cp1252"):
        try:
            return content.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise DataError(f"{table} is not text; expected a CSV in UTF-8, UTF-16 or Windows-1252")


def _rows(text: str) -> tuple[list[list[str]], int]:
    """Return the rows of a table, and the line on which the second begins."""
    first, _, rest = text.partition("\n")
    if set_by_excel := re.fullmatch(r'"?sep=(.)"?\r?', first, re.IGNORECASE):
        return _cells(rest, set_by_excel[1]), 3
    delimiter = max(DELIMITERS, key=lambda sign: (len(_known(first.split(sign))), first.count(sign)))
    return _cells(text, delimiter), 2


def _cells(text: str, delimiter: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    return [[cell.strip() for cell in row] for row in reader]


def _known(names: Sequence[str]) -> set[str]:
    return {_plain(name) for name in names} & {*PATH_COLUMNS, *LABEL_COLUMNS, *SPLIT_COLUMNS}


def _plain(name: str) -> str:
    return name.strip().strip('"').lower().replace(" ", "_")


def _columns(header: Sequence[str], table: Path) -> _Columns:
    names = [_plain(name) for name in header]

    def position(accepted: Sequence[str]) -> int | None:
        return next((names.index(name) for name in accepted if name in names), None)

    path, label, split = map(position, (PATH_COLUMNS, LABEL_COLUMNS, SPLIT_COLUMNS))
    if path is None or label is None:
        came = printable(", ".join(header))[:80] or "nothing"
        raise DataError(f"{table}: the first line is '{came}'; expected {ACCEPTED}")
    unused = (name or "one without a name" for place, name in enumerate(header) if place not in (path, label, split))
    return _Columns(path=path, label=label, split=split, count=len(header), unused=tuple(map(printable, unused)))


def _image_file(
    row: Sequence[str],
    line: int,
    table: Path,
    columns: _Columns,
    parts: Mapping[str, Part | None],
    finder: _Finder,
) -> ImageFile:
    cells = dict(enumerate(row))
    path, label = cells.get(columns.path, ""), cells.get(columns.label, "")
    split = "" if columns.split is None else cells.get(columns.split, "")
    if not path or not label or "\0" in path or len(row) > columns.count:
        raise DataError(f"{table}, line {line}: a path and a label are needed; expected {ACCEPTED}")
    part: Part | None = parts[split] if split else "train"
    if part is None:
        raise DataError(
            f"{table}, line {line}: split is '{printable(split)}'; expected train, val, test, or for example "
            f"--parts {shlex.quote(f'train={printable(split)}')}"
        )
    return ImageFile(path=finder.find(path), shown=printable(path), label=printable(label), part=part)
