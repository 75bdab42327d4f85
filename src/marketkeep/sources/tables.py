"""
HTML tables as grids of text: footnotes taken out, cells that span rows or columns repeated where they reach.

Columns are found by their headings, never by position. Nothing here knows what a table is about, or fetches one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import lxml.html  # type: ignore[import-untyped]  # it ships without types

_FOOTNOTE = re.compile(r"\[[^\[\]]{0,12}\]")
_SPACE = re.compile(r"\s+")
# A span beyond this is no layout but damage; it must not fill the memory.
_WIDEST, _HIGHEST = 60, 5000
_UNSEEN = ("style", "script", "sup")

Heading = tuple[str, ...]
"""The headings above a column from the top, in lower case: `("added", "ticker")`, or `("symbol",)`."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table's headings by column, and its rows below them, each as wide as the headings."""

    headings: tuple[Heading, ...]
    rows: tuple[tuple[str, ...], ...]

    def column(self, *accepted: Heading) -> int | None:
        """The first column whose headings are one of those accepted, in the order of acceptance."""
        for heading in accepted:
            if heading in self.headings:
                return self.headings.index(heading)
        return None


def grids(page: bytes) -> Iterator[Grid]:
    """
    Every table of a page in UTF-8 that has headings, in its order.

    Raises `ValueError` where the bytes are no page at all.
    """
    try:
        parser = lxml.html.HTMLParser(encoding="utf-8")
        root = lxml.html.document_fromstring(page, parser=parser)
    except (lxml.etree.LxmlError, AssertionError) as error:
        raise ValueError(f"it is no page ({error})") from error
    for table in root.iter("table"):
        grid = _grid(table)
        if grid.headings:
            yield grid


def _grid(table: Any) -> Grid:
    above: list[list[str]] = []
    body: list[list[str]] = []
    for heads, texts in _rows(table):
        (above if heads and not body else body).append(texts)
    width = max((len(row) for row in above), default=0)
    headings = tuple(_heading(above, at) for at in range(width))
    return Grid(headings, tuple(tuple((row + [""] * width)[:width]) for row in body))


def _heading(above: list[list[str]], at: int) -> Heading:
    """The distinct headings over one column: a cell that spans two rows of headings is one of them."""
    texts = (row[at].lower() for row in above if at < len(row))
    return tuple(dict.fromkeys(text for text in texts if text))


def _rows(table: Any) -> Iterator[tuple[bool, list[str]]]:
    """Each row's texts by column, and whether all cells that begin in it are headings."""
    reaching: dict[int, tuple[int, str]] = {}
    for row in table.iter("tr"):
        if next(row.iterancestors("table"), None) is not table:
            continue
        texts: list[str] = []
        cells = [cell for cell in row if cell.tag in ("td", "th")]
        for cell in cells:
            _take_reaching(texts, reaching)
            text, wide, high = _text(cell), _span(cell, "colspan", _WIDEST), _span(cell, "rowspan", _HIGHEST)
            for _ in range(wide):
                if high > 1:
                    reaching[len(texts)] = (high - 1, text)
                texts.append(text)
        _take_reaching(texts, reaching)
        if cells:
            yield all(cell.tag == "th" for cell in cells), texts


def _take_reaching(texts: list[str], reaching: dict[int, tuple[int, str]]) -> None:
    """Fill the columns that cells of earlier rows reach into."""
    while len(texts) in reaching:
        left, text = reaching.pop(len(texts))
        if left > 1:
            reaching[len(texts)] = (left - 1, text)
        texts.append(text)


def _span(cell: Any, name: str, limit: int) -> int:
    text = str(cell.get(name) or "1").strip()
    return min(max(int(text), 1), limit) if text.isascii() and text.isdigit() and len(text) < 6 else 1


def _text(cell: Any) -> str:
    """What a reader sees: without footnote marks, styles, and cells of tables within."""
    parts: list[str] = []
    _gather(cell, parts, 0)
    return _SPACE.sub(" ", _FOOTNOTE.sub("", "".join(parts))).strip()


def _gather(node: Any, parts: list[str], depth: int) -> None:
    hidden = "display:none" in str(node.get("style") or "").replace(" ", "")
    if isinstance(node.tag, str) and node.tag not in _UNSEEN and not hidden and depth < 100:
        parts.append(node.text or "")
        if node.tag == "br":
            parts.append(" ")
        for child in node:
            _gather(child, parts, depth + 1)
            parts.append(child.tail or "")
