"""Digests: the SHA-256 of a file, and of a space's code, by which a study knows whether its space has changed."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

_digits = 16
# Studies begun before digests were those of code stored the SHA-256 of the file's bytes, which two moves of
# modules have changed in some files. By their first digits: today's digest of a shipped space, and those
# of the same code then. A space whose code changes loses its row: its earlier studies must be refused.
EARLIER_DIGESTS = {
    "2096064e2e2b1613": ("b55f2bbcd2e18a57",),  # cnn_cifar
    "8c566cdadf8038ce": ("b575656ac1ab7a60", "74baf57a49594140"),  # cnn_folder
    "58882cabcb735aaa": ("b6f9feefe662f6ce",),  # factors_2x2
    "e11031a813a67e72": ("f5e54697bfc930fc",),  # mlp_fashion
    "b29101ce2c7a4586": ("7834ce051f0c8896",),  # resnet_cifar
    "bea03c5a98091723": ("e609e0331f4257ec",),  # transfer_frozen
    "1ac2316d342203e3": ("5c3807407ea39743", "96b2837c1e0716c4"),  # transfer_tuned
}


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file's bytes, as 64 hexadecimal digits; raises OSError."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def source_digest(file: Path) -> str:
    """Return "sha256:..." of a Python file's syntax tree, without imports and docstrings.

    Comments, layout, a better docstring or a moved import leave it as it is; changed code does not.
    It is the same for every version of Python.

    Raises:
        SyntaxError: the file is not valid Python.
    """
    digest = hashlib.sha256()
    for part in _parts(ast.parse(file.read_bytes(), filename=str(file))):
        digest.update(part.encode())
    return f"sha256:{digest.hexdigest()}"


def is_same_source(now: str, then: str) -> bool:
    """Whether two digests, of which `then` may be of the earlier kind, are those of the same code."""
    now_digits, then_digits = (digest.removeprefix("sha256:")[:_digits] for digest in (now, then))
    return then == now or then_digits in EARLIER_DIGESTS.get(now_digits, ())


def _parts(node: object) -> Iterator[str]:
    """Yield what distinguishes a syntax tree.

    Not `ast.dump`, whose text differs between versions of Python: later ones have more fields and
    leave empty ones out, so what is empty is left out here.
    """
    if isinstance(node, list):
        yield "["
        for item in node:
            if not _is_ignored(item):
                yield from _parts(item)
        yield "]"
    elif isinstance(node, ast.AST):
        yield f"{type(node).__name__}("
        for name, value in ast.iter_fields(node):
            if value is not None and value != []:
                yield f"{name}="
                yield from _parts(value)
        yield ")"
    else:
        yield f"{node!r},"


def _is_ignored(node: object) -> bool:
    """Whether a statement is an import, or a string alone: a docstring, also one below a constant."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return isinstance(node, ast.Import | ast.ImportFrom)
