"""Digests: the SHA-256 of a file, and of a space's code, by which a study knows whether its space has changed."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

# Studies begun before digests were those of syntax trees stored the sha256 of the file's bytes. For the
# spaces in spaces/builtin: today's digest, and those of the same code then, which two moves of modules
# have changed in some files. A space whose code changes loses its row: its earlier studies must be refused.
EARLIER_DIGESTS: Mapping[str, tuple[str, ...]] = {
    # cnn_cifar
    "sha256:2096064e2e2b16130b1c9b3d29e71361d3772bfcb0422741bef68a88547d3798": (
        "sha256:b55f2bbcd2e18a571fc017a498ee666cd5ce65c08b2a7e3f9b3e30225707167b",
    ),
    # cnn_folder
    "sha256:8c566cdadf8038ce1eec88eff324410248cc50b607a25912dce840d572d58e6d": (
        "sha256:b575656ac1ab7a60c85b2026978d9fbe237777451ee1c35e681844596fede3eb",
        "sha256:74baf57a49594140069b69afc2faa11543c4e21c785c89331f73adf24c53dc0d",
    ),
    # factors_2x2
    "sha256:58882cabcb735aaac887b321e8440b896aff345288b5362b523b44932c153829": (
        "sha256:b6f9feefe662f6ce5d369a8fe9b6a210b70e76af1ce8d141e15b2b77012df990",
    ),
    # mlp_fashion
    "sha256:e11031a813a67e72815c7b84157887fa64f4c8b1fbe5ddc0fbe3992c15de10f0": (
        "sha256:f5e54697bfc930fc6f0b98dd4dc8651521c0b3a2fafe04e7acc64af8041d1a1f",
    ),
    # resnet_cifar
    "sha256:b29101ce2c7a45863a76512263340f7575f05d0cd91bf5b0003db0655d5e35c5": (
        "sha256:7834ce051f0c8896fb23f5364eed5181d20487b62e5af9915eef68012e661c52",
    ),
    # transfer_frozen
    "sha256:bea03c5a980917235651b0cbeec1ee979975a8017f5e11f9a336d9f43d51f166": (
        "sha256:e609e0331f4257ecce754f67c53189b4d14dd6f1dcf763ccea152233f1c5367e",
    ),
    # transfer_tuned
    "sha256:1ac2316d342203e3e91dd814c346186777f8f902edf5572576a4c6c415442774": (
        "sha256:5c3807407ea397434926d57c7d2b6b27c639eed00652727adc5fa5c153c2d6a8",
        "sha256:96b2837c1e0716c49f8c63dfd2a35c5bfa249625ee0550e97dcb8e009ebf4f3a",
    ),
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
    return then == now or then in EARLIER_DIGESTS.get(now, ())


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
