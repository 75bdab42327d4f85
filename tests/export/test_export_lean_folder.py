"""The export of a whole LEAN folder: read in again it is the same, whichever group a symbol was written with."""

from __future__ import annotations

import zipfile
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from export_keep import DAYS, RENAMED, SYMBOLS

import marketkeep
from marketkeep.calendars import XNYS
from marketkeep.export import Wanted, export, wanted
from marketkeep.export.lean import write_lean
from marketkeep.export.lean_folder import _sharing
from marketkeep.model import TICKER_HISTORY
from minute_keep import MinuteKeep
from minute_rows import minute
from proofs.lean_files import daily_lines
from small_keep import SmallKeep

PRICES = ["symbol", "date", "open", "high", "low", "close", "volume"]
MINUTES = Wanted(universe="all", minute=True)


def files(folder: Path) -> dict[str, bytes]:
    """LEAN's own files under a folder, by path."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in (folder / "equity").rglob("*.*")}


@pytest.mark.parametrize("piece", [1, 2, 40])
def test_folder_is_what_all_at_once_gives(
    told: marketkeep.Keep, tmp_path: Path, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written group by group the files are those of all symbols written at once, byte for byte."""
    monkeypatch.setattr("marketkeep.export.lean_folder.PIECE", piece)
    done = export(told, "lean", Wanted(universe="all"), tmp_path / "out")
    write_lean(told, SYMBOLS, tmp_path / "once")
    assert files(tmp_path / "out") == files(tmp_path / "once")
    assert done.bars == sum(told.bars(symbol).polars().height for symbol in SYMBOLS) - 1


def test_folder_comes_in_again(told: marketkeep.Keep, tmp_path: Path) -> None:
    """A keep made from nothing but the export has equal bars, splits, names, and payments to LEAN's seven places."""
    export(told, "lean", Wanted(symbols=("DIV", "SPL", "NEW")), tmp_path / "out")
    made = SmallKeep(tmp_path / "keep")
    made.take(tmp_path / "out/equity", source="lean")
    again = made.open()
    for symbol in ("DIV", "SPL", "NEW"):
        ours, theirs = (keep.bars(symbol).polars() for keep in (told, again))
        assert theirs.select(PRICES).equals(ours.select(PRICES).with_columns(pl.col("volume").fill_null(0)))
        assert ((theirs["adj_close"] / ours["adj_close"] - 1).abs() <= 5e-7).all()
    assert again.bars("OLD").polars()["symbol"][0] == "NEW"


def test_range_cuts_bars_and_not_factors(told: marketkeep.Keep, tmp_path: Path) -> None:
    """With a range the zips have its sessions, under the ticker of their day; factor and map file stay whole."""
    export(told, "lean", Wanted(symbols=("NEW",), start=DAYS[50], end=DAYS[RENAMED + 5]), tmp_path / "out")
    export(told, "lean", Wanted(symbols=("NEW",)), tmp_path / "whole")
    cut, whole = files(tmp_path / "out"), files(tmp_path / "whole")
    assert cut.keys() == whole.keys()
    same = {path for path in cut if cut[path] == whole[path]}
    assert same == {path for path in cut if "_files/" in path}
    daily = tmp_path / "out/equity/usa/daily"
    assert [line[:8] for line in daily_lines(daily / "old.zip")] == [f"{day:%Y%m%d}" for day in DAYS[50:RENAMED]]
    assert len(daily_lines(daily / "new.zip")) == 6


def test_who_shared_a_ticker_shares_a_group() -> None:
    """Securities that ever had one ticker, over any number of others, are written together; strangers are not."""
    rows = [("a", "B", "X", "B", date(2020, 1, 2), "t"), ("c", "Y", "X", "Y", date(2010, 1, 4), "t")]
    history = pl.DataFrame(rows, schema=TICKER_HISTORY.schema, orient="row")
    symbols = ["A", "B", "REUS", "REUS~2015", "Y"]
    many = wanted.PIECE
    assert _sharing(symbols, history) == [["A", "B", "Y", "REUS", "REUS~2015"]]
    strangers = [f"S{number}" for number in range(3 * many)]
    assert [len(group) for group in _sharing(strangers, history)] == [many] * 3


def minute_lines(path: Path) -> tuple[str, list[str]]:
    """The name inside a minute zip, and its lines."""
    with zipfile.ZipFile(path) as archive:
        [name] = archive.namelist()
        return name, archive.read(name).decode().split("\n")


def test_minutes_are_leans(corpus: Path, tmp_path: Path) -> None:
    """Minute bars taken from LEAN's own zips go out as the very lines and names that LEAN ships, all segments."""
    made = MinuteKeep(tmp_path / "keep")
    theirs = sorted((corpus / "lean/minute/aapl").glob("*_trade.zip"))
    for path in theirs:
        day = date.fromisoformat(path.name[:8])
        rows = []
        for line in minute_lines(path)[1]:
            start, *values = map(int, line.strip().split(","))
            opened, high, low, close = (value / 10_000 for value in values[:4])
            clock = f"{start // 3_600_000:02d}:{start // 60_000 % 60:02d}"
            told = {"open": opened, "high": high, "low": low, "volume": float(values[4])}
            rows.append(minute(day, clock, close, **told))
        made.take(*rows)
    out = tmp_path / "out"
    export(made.open(), "lean", MINUTES, out)
    written = sorted((out / "equity/usa/minute/aapl").iterdir())
    assert [path.name for path in written] == [path.name for path in theirs]
    for ours, shipped in zip(written, theirs, strict=True):
        name, lines = minute_lines(shipped)
        assert minute_lines(ours) == (name, [line.strip() for line in lines])


def test_minutes_bring_the_factors_of_their_days(tmp_path: Path) -> None:
    """Where daily bars are held, factor and map file lie beside the minutes; else minutes go out alone."""
    made = MinuteKeep(tmp_path / "keep")
    days = XNYS.sessions(date(2024, 1, 2), date(2024, 1, 9))
    made.take(*(minute(day, "09:30", 100.0 if day < days[2] else 25.0) for day in days))
    export(made.open(), "lean", MINUTES, tmp_path / "alone")
    assert not list((tmp_path / "alone").rglob("*.csv"))
    made.days({day: 100.0 if day < days[2] else 25.0 for day in days})
    made.split(days[2], 4)
    export(made.open(), "lean", MINUTES, tmp_path / "out")
    factors = (tmp_path / "out/equity/usa/factor_files/aapl.csv").read_text().split()
    assert factors == ["20240102,1,0.25,1", "20240103,1,0.25,100", "20501231,1,1,0"]
    assert len(list((tmp_path / "out/equity/usa/minute/aapl").iterdir())) == len(days)
