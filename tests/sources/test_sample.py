"""The sample: real bars, and the actions that their adjusted closes betray."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import date
from importlib import resources
from typing import Any

import polars as pl
import pytest

from marketkeep.errors import BadFile
from marketkeep.model import Frames
from marketkeep.sources import sample


@pytest.fixture(scope="module")
def body() -> bytes:
    """The bytes of the installed package."""
    pytest.importorskip(sample.PACKAGE)
    return resources.files(sample.PACKAGE).joinpath(sample.FILE).read_bytes()


@pytest.fixture(scope="module")
def frames(body: bytes) -> Frames:
    """The sample read."""
    return sample.parse(body)


def test_bars_are_the_files(body: bytes, frames: Frames) -> None:
    """
    Every bar is what the file says, as traded.
    """
    rows = list(csv.reader(io.StringIO(gzip.decompress(body).decode())))[1:]
    expected = [(row[0], date.fromisoformat(row[1]), *map(float, row[2:])) for row in rows]
    assert frames["daily_bars"].drop("basis", "basis_date").rows() == sorted(expected)
    assert frames["daily_bars"].select("basis", "basis_date").unique().rows() == [("as_traded", None)]


def test_actions_are_those_of_history(frames: Frames) -> None:
    """
    The splits and dividends found are those the companies are known to have made.
    """
    actions = frames["actions"]
    splits = actions.filter(kind="split").select("symbol", "ex_date", "numerator", "denominator").rows()
    assert splits == [
        ("AAPL", date(2000, 6, 21), 2, 1),
        ("AAPL", date(2005, 2, 28), 2, 1),
        ("MSFT", date(2003, 2, 18), 2, 1),
    ]
    paid = {(symbol, day): amount for symbol, day, amount in actions.select("symbol", "ex_date", "amount").rows()}
    assert [paid["AAPL", day] for day in (date(2012, 8, 9), date(2012, 11, 7), date(2013, 2, 7))] == [2.65] * 3
    assert paid["MSFT", date(2004, 11, 15)] == 3.08
    assert paid["IBM", date(2012, 11, 7)] == 0.85
    assert actions.filter(kind="dividend")["amount"].round(2).equals(actions.filter(kind="dividend")["amount"])
    assert dict(actions.group_by("symbol").len().rows()) == {"AAPL": 5, "IBM": 52, "MSFT": 38}


def _rebuilt(bars: pl.DataFrame, actions: pl.DataFrame, *, quandl: bool) -> list[tuple[date, float]]:
    """The relative difference of adj_close rebuilt from the actions, for each session, newest first."""
    rows = bars.select("date", "close", "adj_close").rows()
    later = rows[-1][2] / rows[-1][1]
    of_day: dict[date, list[dict[str, Any]]] = {}
    for action in actions.iter_rows(named=True):
        of_day.setdefault(action["ex_date"], []).append(action)
    factor, differences = 1.0, []
    for (day, close, adjusted), (_, before, _) in zip(reversed(rows), [*reversed(rows[:-1]), rows[0]], strict=True):
        differences.append((day, abs(close * factor * later / adjusted - 1)))
        for action in of_day.get(day, []):
            if action["amount"] is None:
                factor *= action["denominator"] / action["numerator"]
            else:
                factor *= 1 / (1 + action["amount"] / close) if quandl else 1 - action["amount"] / before
    return differences


@pytest.mark.parametrize(("quandl", "tolerance"), [(True, 1e-12), (False, 5e-4)])
def test_adjusted_close_is_rebuilt(frames: Frames, quandl: bool, tolerance: float) -> None:
    """
    The actions explain the source's adjusted close wholly under its own rule, and nearly so under ours, since 2009.
    """
    for (symbol,), bars in frames["daily_bars"].group_by("symbol", maintain_order=True):
        differences = _rebuilt(bars, frames["actions"].filter(symbol=symbol), quandl=quandl)
        assert len(differences) == bars.height
        worst = max(difference for day, difference in differences if day >= date(2009, 1, 1))
        rule = "1/(1 + D/close)" if quandl else "1 - D/close before"
        print(f"{symbol}: adj_close by {rule} differs by {worst:.1e} at most since 2009")
        assert worst <= tolerance


def test_the_step_goes_along(frames: Frames) -> None:
    """
    A dividend carries the step it was read off, which reproduces the source's adjusted close exactly.
    """
    dividends = frames["actions"].filter(kind="dividend")
    assert dividends["factor"].is_between(0.8, 1, closed="none").all()
    assert frames["actions"].filter(kind="split")["factor"].null_count() == 3


@pytest.mark.parametrize("content", ["Date,Close\n2020-01-02,1\n", "Ticker,Date,Close\nA,2020-01-02,1\n", ""])
def test_other_bytes_are_refused(content: str) -> None:
    """
    What is not the sample is refused.
    """
    with pytest.raises(BadFile):
        sample.parse(content.encode())
