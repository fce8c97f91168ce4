"""The contract that a Lua file begins with: its leading comment lines.

-- Reserve room on one deployment.          what the file is for, in the first line
-- KEYS: settings, inflight                 only where the file reads KEYS; ARGV and Returns likewise
-- ARGV: now (ms)
-- Returns: a string per operation
-- Uses: clock, window,                     names that earlier files of the script (or the host) define;
--       image                              a list that ends in a comma goes on
-- Defines: acquire                         names this file offers to later ones
-- Facts: inflight, latency_ms              strategies: the fields of a candidate that are read
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LABELS = ("KEYS", "ARGV", "Returns", "Uses", "Defines", "Facts")
_LINE = re.compile(
    r"^--\s?(?:(?P<label>(?:KEYS|ARGV|Returns)\b|(?:Uses|Defines|Facts)(?=:)):?(?P<given>.*)|(?P<text>.*))$"
)
_NAME = re.compile(r"^[A-Za-z_]\w*$")


@dataclass(frozen=True)
class Header:
    """`purpose`: the first line. `parts`: label -> its text, one line or several."""

    purpose: str
    parts: dict[str, str]

    def names(self, label: str) -> list[str]:
        """The comma-separated names after a label; notes in parentheses are left out."""
        text = re.sub(r"\([^)]*\)", "", self.parts.get(label, ""))
        return [x.strip() for x in text.split(",") if x.strip()]

    def faults(self) -> list[str]:
        """What is wrong with the header itself."""
        found = [] if self.purpose else ["does not begin with a comment line that says what it is for"]
        names = [(label, name) for label in ("Uses", "Defines", "Facts") for name in self.names(label)]
        return found + [f"header {label}: {name!r} is no name" for label, name in names if not _NAME.match(name)]


def read(source: str) -> Header:
    """The header of a file; an empty purpose where it has none."""
    purpose, parts, label = "", dict[str, str](), None
    for number, line in enumerate(_leading(source)):
        match = _LINE.match(line)
        if match is None:
            break
        if match["label"]:
            label = match["label"]
            parts[label] = f"{parts[label]}, {match['given'].strip()}" if label in parts else match["given"].strip()
        elif label and (parts[label].rstrip().endswith(",") or not parts[label]):
            parts[label] += " " + match["text"].strip()
        else:
            label = None
            purpose = match["text"].strip() if number == 0 else purpose
    return Header(purpose, parts)


def _leading(source: str) -> list[str]:
    lines = source.splitlines()
    if lines and lines[0].startswith("#!"):
        lines = lines[1:]
    return lines
