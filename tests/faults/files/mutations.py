"""Random damage to stored files: bits, bytes, JSON values and keys, archives that lie about themselves."""

from __future__ import annotations

import copy
import io
import json
import random
import warnings
import zipfile
from collections.abc import Callable
from typing import Any

_tokens: tuple[bytes, ...] = (
    b"null", b"NaN", b"-1", b"1e999", b"{}", b"[]", b'"', b"}", b"\x00", b"\xff", b"\xed\xa0\x80", b"\n", b"=", b"[[",
    b"9" * 5000, b"[" * 3000, b'{"a":' * 3000, b"\\ud800", b"true", b"'", b",",
)  # fmt: skip
_values: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 1e308, -0.0, float("nan"), float("inf"), 10**400, "", "x", "\ud800",
    "../../x", "0" * 2000,
    [], {}, [[]], {"a": 1}, [None], 2**31, 2**63, "NaN", "1e9", "/dev/zero", "\u202e<script>",
)  # fmt: skip


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Return the bytes with some damage in one to three places."""
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(content) + 1)
        length = min(chance.choice((1, 2, 8, 64, 512)), len(content) - place)
        end = place + length
        match chance.randrange(6):
            case 0 if length:
                flipped = content[place] ^ (1 << chance.randrange(8))
                content = content[:place] + bytes([flipped]) + content[place + 1 :]
            case 1:
                content = content[:place] + content[end:]
            case 2:
                content = content[:place]
            case 3:
                content = content[:place] + chance.choice(_tokens) + content[end:]
            case 4:
                content = content[:end] + content[place:end] * chance.randint(1, 3) + content[end:]
            case _:
                content = content[:place] + chance.randbytes(length) + content[end:]
    return content


def other_json(content: bytes, chance: random.Random) -> bytes:
    """Return a JSON text in which one to three values or keys are others."""
    plain = json.loads(content)
    for _ in range(chance.randint(1, 3)):
        holders = _holders(plain)
        if not holders:
            return json.dumps(chance.choice(_values)).encode()
        holder = chance.choice(holders)
        key = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        match chance.randrange(4):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[chance.choice(("", "x", "type", str(key) + " "))] = holder.pop(key)
            case 2:
                holder[key] = [holder[key]]
            case _:
                holder[key] = copy.deepcopy(chance.choice(_values))
    return json.dumps(plain).encode()


def other_lines(content: bytes, chance: random.Random) -> bytes:
    """Return a file of JSON lines of which one is another, missing, or there twice."""
    lines = content.splitlines()
    place = chance.randrange(len(lines))
    match chance.randrange(3):
        case 0:
            del lines[place]
        case 1:
            lines.append(lines[place])
        case _:
            lines[place] = other_json(lines[place], chance)
    return b"\n".join(lines)


def other_archive(content: bytes, chance: random.Random) -> bytes:
    """Return an `.npz` file whose members are damaged, missing, doubled or misnamed, with checksums that fit."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    place = chance.randrange(len(members))
    name, inner = members[place]
    match chance.randrange(5):
        case 0:
            del members[place]
        case 1:
            members[place] = (chance.choice(("", "x.npy", "../x.npy", name + "/", "labels.npy")), inner)
        case 2:
            members[place] = (name, damaged(inner[:128], chance) + inner[128:])  # the header: type, order, shape
        case 3:
            members[place] = (name, members[chance.randrange(len(members))][1])
        case _:
            members[place] = (name, damaged(inner, chance))
    made = io.BytesIO()
    packing = chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with warnings.catch_warnings(), zipfile.ZipFile(made, "w", packing) as archive:
        warnings.simplefilter("ignore")  # of names that come twice
        for member, data in members:
            archive.writestr(zipfile.ZipInfo(member), data)
    return made.getvalue()


Mutation = Callable[[bytes, random.Random], bytes]


def mutations_for(name: str) -> tuple[Mutation, ...]:
    """Return what may happen to a file of that name."""
    if name.endswith(".json"):
        return damaged, other_json, other_json
    if name.endswith(".jsonl"):
        return damaged, other_lines, other_lines
    return (damaged, other_archive, other_archive) if name.endswith(".npz") else (damaged,)


def _holders(plain: Any) -> list[Any]:
    """Return every object and list that holds something."""
    if not isinstance(plain, dict | list) or not plain:
        return []
    inner = plain.values() if isinstance(plain, dict) else plain
    return [plain, *(holder for value in inner for holder in _holders(value))]
