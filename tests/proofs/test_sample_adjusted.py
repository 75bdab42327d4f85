"""The demo's real bars: our adjusted close, derived from actions, against the source's own."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from datetime import date
from importlib import resources

import pytest

import marketkeep
from marketkeep.sources import sample
from proofs.keeps import make_keep

SINCE = date(2009, 1, 1)
Told = dict[str, dict[date, tuple[float, float]]]
"""By symbol and session the close and the adjusted close."""
SYMBOLS = ("AAPL", "FB", "GOOG", "IBM", "MSFT")


@pytest.fixture(scope="module")
def theirs() -> Told:
    """What the source says, read by the csv module alone."""
    pytest.importorskip(sample.PACKAGE)
    body = resources.files(sample.PACKAGE).joinpath(sample.FILE).read_bytes()
    told: Told = {}
    for row in csv.DictReader(io.StringIO(gzip.decompress(body).decode())):
        days = told.setdefault(row["Ticker"], {})
        days[date.fromisoformat(row["Date"])] = (float(row["Close"]), float(row["Adj Close"]))
    return told


@pytest.fixture(scope="module")
def keep(theirs: object, tmp_path_factory: pytest.TempPathFactory) -> marketkeep.Keep:
    """The demo's keep."""
    made = make_keep(tmp_path_factory.mktemp("sample") / "keep")
    made.take_sample()
    return made.open()


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_adj_close_is_the_sources(keep: marketkeep.Keep, theirs: Told, symbol: str) -> None:
    """
    For every session since 2009 our adj_close is the source's to 1e-4, both anchored at the last bar.
    """
    told = {day: both for day, both in theirs[symbol].items() if day >= SINCE}
    # The source's series also carries what came after its last bar, as one constant that no row explains.
    last_close, last_adjusted = told[max(told)]
    later = last_adjusted / last_close
    ours = keep.bars(symbol, SINCE).polars().select("date", "close", "adj_close").rows()
    assert [row[:2] for row in ours] == [(day, told[day][0]) for day in sorted(told)]
    off = {day: abs(adjusted * later / told[day][1] - 1) for day, _, adjusted in ours}
    worst = max(off, key=lambda day: off[day])
    print(
        f"{symbol}: {len(off)} sessions since 2009, worst off by {off[worst]:.1e} ({worst}); later actions x{later:.9f}"
    )
    assert off[worst] <= 1e-4


def test_no_symbol_of_the_sample_is_left_out(keep: marketkeep.Keep, theirs: Told) -> None:
    """
    The symbols compared are all that the sample and the keep hold.
    """
    assert sorted(theirs) == sorted(SYMBOLS) == keep.symbols()


def test_since_the_first_bar(keep: marketkeep.Keep, theirs: Told) -> None:
    """
    The same holds for the whole series since 2000, over three splits.
    """
    worst = 0.0
    for symbol, told in theirs.items():
        last_close, last_adjusted = told[max(told)]
        for day, adjusted in keep.bars(symbol).polars().select("date", "adj_close").rows():
            worst = max(worst, abs(adjusted * last_adjusted / last_close / told[day][1] - 1))
    print(f"worst since the first bar: {worst:.1e}")
    assert worst <= 1e-4


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_amounts_alone_explain_it(keep: marketkeep.Keep, theirs: Told, symbol: str) -> None:
    """
    The published amounts, whole cents, rebuild the source's series under its own rule, without the steps they were
    read off; how far marketkeep's rule for other sources would be is told.
    """
    actions = keep.actions(symbol).select("ex_date", "numerator", "denominator", "amount").rows()
    assert all(amount is None or round(amount, 2) == amount for *_, amount in actions)
    worst = {
        rule: max(abs(ours / told - 1) for day, ours, told in rebuilt(theirs[symbol], actions, rule) if day >= SINCE)
        for rule in ("1 / (1 + D / close)", "1 - D / close before")
    }
    print(f"{symbol}, amounts alone: " + ", ".join(f"{rule} off by {off:.1e}" for rule, off in worst.items()))
    assert worst["1 / (1 + D / close)"] <= 1e-4


def rebuilt(
    told: dict[date, tuple[float, float]], actions: list[tuple[date, int, int, float]], rule: str
) -> Iterator[tuple[date, float, float]]:
    """Day, rebuilt and told adjusted close, newest first, anchored at the last bar."""
    of_day: dict[date, list[tuple[int, int, float]]] = {}
    for ex_date, *rest in actions:
        of_day.setdefault(ex_date, []).append((rest[0], rest[1], rest[2]))
    days = sorted(told, reverse=True)
    factor = told[days[0]][1] / told[days[0]][0]
    for day, before in zip(days, [*days[1:], days[-1]], strict=True):
        close, adjusted = told[day]
        yield day, close * factor, adjusted
        for numerator, denominator, amount in of_day.get(day, []):
            if amount is None:
                factor *= denominator / numerator
            else:
                factor *= 1 / (1 + amount / close) if rule.startswith("1 /") else 1 - amount / told[before][0]
