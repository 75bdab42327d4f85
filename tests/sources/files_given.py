"""Reading a file given as text: what the tests of `sources.files` share."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import polars as pl
import pytest

from marketkeep.errors import BadFile
from marketkeep.model import RAW_TABLES
from marketkeep.sources.files import FileForm, Tally, read, recognise

BARS = [name for name in RAW_TABLES["daily_bars"].schema if name != "payload"]
ACTIONS = [name for name in RAW_TABLES["actions"].schema if name != "payload"]


class Given:
    """A file of that name and content, recognised and read."""

    def __init__(self, content: str | bytes, name: str = "AAPL.csv", *, chunk_rows: int = 200_000, **options: Any):
        body = content.encode() if isinstance(content, str) else content
        stream = io.BytesIO(body)
        self.tally = Tally()
        self.form: FileForm = recognise(name, stream, **options)
        frames = list(read(name, stream, self.form, chunk_rows=chunk_rows, tally=self.tally))
        assert not stream.closed
        self.chunks = len(frames)
        self.bars = pl.concat(one["daily_bars"] for one in frames)
        self.actions = pl.concat(one["actions"] for one in frames)
        assert dict(self.bars.schema) == {name: RAW_TABLES["daily_bars"].schema[name] for name in BARS}
        assert dict(self.actions.schema) == {name: RAW_TABLES["actions"].schema[name] for name in ACTIONS}

    @property
    def ohlcv(self) -> list[tuple[Any, ...]]:
        """Symbol, date, open, high, low, close and volume of each bar."""
        return self.bars.select(BARS[:7]).rows()

    @property
    def told(self) -> list[tuple[Any, ...]]:
        """Ex-date, kind, ratio, amount and basis of each action."""
        return self.actions.select("ex_date", "kind", "numerator", "denominator", "amount", "basis").rows()


def refusal(content: str | bytes, name: str = "AAPL.csv", **options: Any) -> str:
    """The message a file is refused with."""
    with pytest.raises(BadFile) as caught:
        Given(content, name, **options)
    return str(caught.value)


D2, D3 = date(2020, 1, 2), date(2020, 1, 3)
ROW2 = ("AAPL", D2, 1.0, 3.0, 0.5, 2.0, 100.0)
ROW3 = ("AAPL", D3, 2.0, 4.0, 1.5, 3.0, 200.0)
