"""The export to zipline: what zipline makes of the bundle, and the rows it is made from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from export_keep import DAYS, HOLE, SYMBOLS, UNKNOWN, returns
from partner_reader import read_back

import marketkeep
from marketkeep.errors import BadInput
from marketkeep.export import Wanted, export
from small_keep import SmallKeep

PRICES = ["open", "high", "low", "close"]


@pytest.fixture(scope="module")
def folder(told: marketkeep.Keep, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything exported."""
    out = tmp_path_factory.mktemp("zipline") / "out"
    export(told, "zipline", Wanted(universe="all"), out)
    return out


@pytest.fixture(scope="module")
def read(folder: Path) -> Any:
    """What zipline makes of it, symbol by symbol, each asked for in our spelling."""
    return read_back("zipline", folder, folder.parent / "root", *SYMBOLS)


def rows(folder: Path, name: str) -> pl.DataFrame:
    """A file of the bundle."""
    return pl.read_csv(folder / f"daily/{name}.csv", try_parse_dates=True)


def events(frame: pl.DataFrame) -> Iterator[tuple[date, float, float]]:
    """The rows with a split or a dividend."""
    return (
        frame.filter((pl.col("split") != 1) | (pl.col("dividend") != 0)).select("date", "split", "dividend").iter_rows()
    )


@pytest.mark.slow
@pytest.mark.parametrize("symbol", SYMBOLS)
def test_zipline_reads_our_prices(told: marketkeep.Keep, read: Any, symbol: str) -> None:
    """Prices are ours in thousandths, volumes in shares; what is unknown, or a hole, is no trade."""
    ours = told.bars(symbol).polars().select("date", *PRICES, "volume")
    days = pl.DataFrame({"date": [date.fromisoformat(day) for day in read[symbol]["days"]]})
    whole = days.join(ours, on="date", how="left", maintain_order="left")
    for name in PRICES:
        theirs = pl.Series(read[symbol]["raw"][name], dtype=pl.Float64)
        assert theirs.round(3).equals(whole[name].round(3), null_equal=True)
    assert read[symbol]["raw"]["volume"] == whole["volume"].fill_null(0).to_list()


@pytest.mark.slow
@pytest.mark.parametrize("symbol", SYMBOLS)
def test_zipline_comes_to_our_total_return(told: marketkeep.Keep, read: Any, symbol: str) -> None:
    """
    Closes as traded times zipline's own adjustments move as our total return does, to 12 digits; its history window,
    which it rounds to thousandths, is our adjusted close to that.
    """
    index = returns(told, symbol)
    closes = told.bars(symbol).polars()["close"].to_list()
    steps = [step for kind in ("splits", "dividends") for step in read[symbol]["steps"][kind]]
    adjusted = []
    for day, close in zip(index["date"], closes, strict=True):
        factor = 1.0
        for when, ratio in steps:
            factor *= ratio if date.fromisoformat(when) > day else 1.0
        adjusted.append(close * factor)
    theirs = pl.Series(adjusted) / adjusted[0]
    assert ((theirs / index["total_return"] - 1).abs() <= 1e-12).all()
    window = dict(zip(read[symbol]["days"], read[symbol]["adjusted"], strict=True))
    for day, close in told.bars(symbol, adjust="all").polars().select("date", "close").iter_rows():
        assert abs(window[str(day)] - close) <= 0.000501


def test_events_stand_on_their_day(folder: Path) -> None:
    """
    `split` is new shares for one old one; `dividend` is all cash of the day per share held before it, so beside a split
    of 2:1 a payment of 0.5 a share is 1.
    """
    assert list(events(rows(folder, "SPL"))) == [
        (DAYS[40], 4.0, 0.0),
        (DAYS[80], pytest.approx(1 / 3), 0.0),
        (DAYS[100], 2.0, 1.0),
    ]
    assert list(events(rows(folder, "DIV"))) == [
        (DAYS[30], 1.0, 0.25),
        (DAYS[60], 1.0, 5.5),
        (DAYS[90], 1.0, 0.25),
    ]


def test_a_row_for_every_session(folder: Path) -> None:
    """A session without a bar has zeros, an unknown volume is 0, and a dot in a name is a dash."""
    div = rows(folder, "DIV")
    assert div["date"].to_list() == DAYS
    assert div.filter(pl.col("date") == HOLE).row(0)[1:] == (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    assert div.filter(pl.col("date") == UNKNOWN)["volume"].item() == 0
    assert sorted(path.name for path in (folder / "daily").iterdir()) == [
        "BRK-B.csv",
        "DIV.csv",
        "GON.csv",
        "NEW.csv",
        "SPL.csv",
    ]


def test_actions_outside_the_range_are_left_out(told: marketkeep.Keep, tmp_path: Path) -> None:
    """On or before the first row, and behind the last, nothing can happen to a price that is there."""
    export(told, "zipline", Wanted(symbols=("SPL",), start=DAYS[40], end=DAYS[90]), tmp_path / "out")
    assert list(events(rows(tmp_path / "out", "SPL"))) == [(DAYS[80], pytest.approx(1 / 3), 0.0)]


def test_what_zipline_cannot_hold(tmp_path: Path) -> None:
    """A price above what 32 bits of thousandths hold is refused; finer prices and large volumes are told."""
    made = SmallKeep(tmp_path / "keep")
    made.bars(*((day, 4_400_000.0) for day in DAYS[:3]), symbol="HIGH")
    made.bars(*((day, 0.12345, 0.0, 1.0, 5e9) for day in DAYS[:3]), symbol="FINE")
    keep = made.open()
    with pytest.raises(BadInput, match="HIGH traded above"):
        export(keep, "zipline", Wanted(symbols=("HIGH",)), tmp_path / "out")
    done = export(keep, "zipline", Wanted(symbols=("FINE",)), tmp_path / "out")
    assert [note.rpartition(": ")[2] for note in done.notes] == ["3", "3"]
    assert "thousandths" in done.notes[1]


def test_payment_behind_a_hole_is_told(tmp_path: Path) -> None:
    """Zipline works a dividend's step out from the session before; where that has no bar the note says so."""
    made = SmallKeep(tmp_path / "keep")
    days = [(day, 10.0) for day in DAYS[:4]]
    made.bars(*days, (DAYS[5], 9.5, 0.5), (DAYS[6], 9.5), symbol="GAP")
    done = export(made.open(), "zipline", Wanted(symbols=("GAP",)), tmp_path / "out")
    assert [note for note in done.notes if "session before" in note]


def test_nothing_before_ziplines_calendar(tmp_path: Path) -> None:
    """Bars before 1990 are refused with what to do about them."""
    made = SmallKeep(tmp_path / "keep")
    made.bars((date(1989, 12, 28), 10.0), (date(1990, 1, 2), 10.0), symbol="OLD")
    with pytest.raises(BadInput, match="begins with 1990; OLD has bars since 1989-12-28"):
        export(made.open(), "zipline", Wanted(symbols=("OLD",)), tmp_path / "out")
