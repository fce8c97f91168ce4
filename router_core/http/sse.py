"""Server-sent events from bytes that arrive cut anywhere.

    decoder = Decoder()
    for chunk in body:
        for event in decoder.feed(chunk): …
    for event in decoder.flush(): …

Follows the HTML standard's parser (LF, CRLF and CR, comments, several data lines, one leading byte order mark) with one
difference: `flush` yields an event that lacks its closing blank line, because some servers leave it out at the end.
"""

from __future__ import annotations

from typing import NamedTuple

_BOM = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """`name` is "" where the stream names none; `data` holds its data lines joined by newlines."""

    name: str
    data: str


class Decoder:
    """Feed it chunks; a character, a line or a line ending may be split between two."""

    def __init__(self) -> None:
        self._partial: list[bytes] = []  # pieces of the line that has not ended yet
        self._after_cr = False  # a LF that comes next belongs to a CR already seen
        self._first_line = True
        self._name = b""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes."""
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if b"\n" not in chunk:
            self._partial.append(chunk)
            return []
        lines = chunk.split(b"\n")
        lines[0] = b"".join((*self._partial, lines[0]))
        self._partial = [lines.pop()]
        return [event for line in lines if (event := self._line(line))]

    def flush(self) -> list[Event]:
        """What is left when the stream has ended."""
        return self.feed(b"\n\n") if self._data or any(self._partial) else []

    def _line(self, line: bytes) -> Event | None:
        if self._first_line:
            self._first_line = False
            line = line.removeprefix(_BOM)
        if not line:
            return self._dispatch()
        field, _, value = line.partition(b":")  # a comment has an empty field
        if field == b"data":
            self._data.append(value.removeprefix(b" "))
        elif field == b"event":
            self._name = value.removeprefix(b" ")
        return None

    def _dispatch(self) -> Event | None:
        name, data = self._name, self._data
        self._name, self._data = b"", []
        if not data:
            return None
        return Event(name.decode("utf-8", "replace"), b"\n".join(data).decode("utf-8", "replace"))
