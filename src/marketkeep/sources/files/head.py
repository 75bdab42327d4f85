"""
The head of a file: its first lines as fields, and where the rows begin.

It tells apart what can be a table from what cannot (nothing, HTML, another program's binary file) and finds the
delimiter. It does not know what the columns mean.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass

from marketkeep.errors import BadFile
from marketkeep.sources.files.opener import Stream, opened

_HEAD_BYTES = 1 << 18
_DELIMITERS = ",;\t|"
NO_ROWS = "the file holds no rows"
_OTHER_TEXT = re.compile(rb"\s*(?:[{\[]|<(?:!|\?|html|head|body))", re.IGNORECASE)
_DATA = re.compile(r"^[\d.+-]+$")


@dataclass(frozen=True, slots=True)
class Head:
    """
    The first lines of a file.

    `lines` are (1-based number, fields), empty lines left out; `inside` is the name of the file within an archive.
    """

    name: str
    inside: str
    delimiter: str
    lines: tuple[tuple[int, list[str]], ...]
    first_text: str

    @property
    def header(self) -> list[str]:
        """The fields of the first line that is not empty."""
        return self.lines[0][1]

    @property
    def is_headless(self) -> bool:
        """Whether the first line is already a row: it begins with a number or a date."""
        return bool(_DATA.match(self.header[0].strip().split(" ")[0] or "x"))


def read_head(name: str, stream: Stream) -> Head:
    """The head of a file; raises `BadFile` when it holds no text table."""
    with opened(name, stream) as (file, inside):
        start = file.read(_HEAD_BYTES)
        more = bool(file.read(1))
    _expect_text(name, start)
    text = start.decode("utf-8-sig", errors="replace")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if more:
        lines.pop()
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line]
    if not numbered:
        raise BadFile(name, "its first line is longer than 256 KiB: not a table" if more else NO_ROWS)
    first = numbered[0][1]
    delimiter = max(_DELIMITERS, key=first.count)
    rows = tuple((number, next(csv.reader([line], delimiter=delimiter))) for number, line in numbered)
    return Head(name, inside, delimiter, rows, first)


def _expect_text(name: str, start: bytes) -> None:
    if start[:4] == b"PAR1":
        raise BadFile(name, "a Parquet file, not a text table")
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BadFile(name, "UTF-16 text; save it as UTF-8")
    if b"\0" in start[:4096]:
        raise BadFile(name, "not a text table")
    if _OTHER_TEXT.match(start):
        raise BadFile(name, "a web page or JSON, not a text table")
