"""Phrases that are not plain English, or that used to name something by a metaphor (CONTRIBUTING.md, "Habits")."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("spaces", "objectives", "reports", "search")
ENDINGS = (".py", ".html", ".jinja", ".js", ".md")
BANNED = {
    r"gave up|given up": "database failure, interrupted, abandoned",
    r"(?<!there\s)(is|are|was|were) no (?!longer|more\b)": "is not a",
    r"amid": "during, in the middle of",
    r"anew": "again",
    r"so (long|many)(?! as)": "TIME, N, this long",
    r"so often": "N times",
    r"bear with": "tolerate",
    r"rather look at than read": "(praise)",
    r"import arrows|arrows between": "import contracts",
    r"(of|in) the house|the rooms": "architecture, packages",
    r"begun with other settings|would not compare": "created with different settings; scores are not comparable",
    r"h(eld|old|olds|olding) (it )?against": "compared with",
    r"what (was|is) asked for": "the goal",
    r"(a|the|each|another) person('s)?": "you, the user, or the passive",
    r"nobody|somebody|whoever|anybody": "name the process or the user",
    r"go(es|ing)? on (where|with|at|after|until|without)|goes on|went on": "continues",
    r"stop(s|ped|ping)? in order": "cleanly",
    r"taken for (hung|lost|away|dead|gone)": "treated as",
    r"settings of then|(say|as) then": "the original settings",
    r"a fault (in Tamiz|of ours)": "internal error",
    r"last words|hires?|hired|greets?|greeting|deaf": "crash log, starts, pings, without handling",
    r"wears?|worn": "recycled",
    r"accepted:(?=\x20(?!Sequence|Iterable))": "expected",
    r"what would change it": "revisit when",
    r"fit to (paste|show)": "for",
}
PHRASES = re.compile(
    "|".join(rf"(?:(?<=\\n)|(?<![\w-]))(?:{phrase})(?![\w-])".replace(" ", r"\s+") for phrase in BANNED), re.I
)


def _texts() -> list[Path]:
    code = [path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.suffix in ENDINGS]
    return sorted([*code, *(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md")])


def test_no_text_uses_a_phrase_that_is_not_plain_english() -> None:
    found = []
    for path in _texts():
        text = path.read_text()
        for match in PHRASES.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(f"{path.relative_to(ROOT)}:{line}: {' '.join(match.group().split())}")

    assert found == [], "\n" + "\n".join(found)
