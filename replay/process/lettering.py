"""Text in a picture: how wide it is at most, in lines that fit, and without what no picture may hold."""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from xml.sax.saxutils import escape, quoteattr

_NARROW: Final = frozenset("iljtfrI.,:;|!'`()[]{}/\\ -·")
_WIDE: Final = frozenset("mwMW@%…—▶■◌")
LINES: Final = 4
"""Of a name. What is longer ends in `…`, and stands whole in the title."""
_UNFIT: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 does not hold (section 2.2)."""
_SECONDS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def width_of(text: str, size: float) -> float:
    """Pixels, at the font size, that no usual sans-serif exceeds: a bound, not a measure."""
    return sum(map(_em, text)) * size


def _em(character: str) -> float:
    if character in _NARROW:
        return 0.42
    if character in _WIDE:
        return 1.05
    if unicodedata.combining(character):
        return 0.0
    if ord(character) < 0x250:
        return 0.78 if character.isupper() else 0.64
    # Foreign scripts, symbols and pictures: as wide as the widest of them, which are twice the others.
    return (
        1.4 if unicodedata.east_asian_width(character) in "WF" or ord(character) > 0xFFFF else 1.0
    )


def printable(text: str) -> str:
    """With a mark for each character that has no picture, would break the line, or turn the writing's direction."""
    shown = (
        "\ufffd" if unicodedata.category(one) in {"Cc", "Cf", "Cs", "Co", "Cn"} else one
        for one in text
    )
    return " ".join("".join(shown).split())


def lines_of(text: str, size: float, width: float) -> list[str]:
    """At most `LINES` lines, none wider than `width`; never none. Broken at spaces, else wherever it must be."""
    lines: list[str] = []
    rest = printable(text) or "(no name)"
    while rest and len(lines) < LINES:
        line = _fitting(rest, size, width)
        lines.append(line.strip())
        rest = rest[len(line) :].strip()
    if rest:
        lines[-1] = _fitting(lines[-1], size, width - width_of("…", size)) + "…"
    return lines


def _fitting(text: str, size: float, width: float) -> str:
    """The longest beginning that fits, up to a space if there is one; one character at least."""
    taken = 0.0
    for end, character in enumerate(text):
        taken += _em(character) * size
        if taken > width:
            space = text.rfind(" ", 0, end)
            return text[: space if space > 0 else max(1, end)]
    return text


def escaped(text: str) -> str:
    return escape(_UNFIT.sub("\ufffd", text))


def attribute(text: str) -> str:
    """In quotes."""
    return quoteattr(_UNFIT.sub("\ufffd", text))


def long_time(seconds: int) -> str:
    """`3 d 4 h`, `12 min`: its two largest units, rounded down."""
    told: list[str] = []
    for unit, length in _SECONDS:
        amount, seconds = divmod(seconds, length)
        if told or amount or unit == "s":
            told.append(f"{amount:,} {unit}" if amount or not told else "")
        if len(told) == 2:
            break
    return " ".join(part for part in told if part)
