"""LEAN's files of a ticker that another company had before, and of a security that had another ticker."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from gold.told import directory, kept
from marketkeep.errors import AmbiguousSymbol
from marketkeep.export.lean import write_lean
from marketkeep.model import Policy
from marketkeep.pipeline.rebuild import rebuild
from proofs.keeps import make_keep
from proofs.lean_files import daily_lines
from small_keep import SmallKeep


def test_end_of_an_earlier_holder_does_not_end_the_map_file(tmp_path: Path) -> None:
    """Trap 30: the first holder's delisting lies before the first bar and is no part of the second one's life."""
    keep = SmallKeep(tmp_path / "keep")
    keep.bars((date(2025, 5, 5), 10.0), (date(2025, 5, 6), 11.0), symbol="REUS")
    old, new = "First Co. - Common Stock", "Second Corp. - Common Stock"
    held = {date(2024, 6, 3) + timedelta(days=n): lines for n, lines in enumerate(({"REUS": old}, {}, {}))}
    for day, lines in {**held, date(2025, 5, 5): {"REUS": new}}.items():
        kept(keep.work.batches, directory(day, lines))
    rebuild(keep.work)
    assert keep.work.lake.ticker_history()["new_symbol"].to_list() == [None]
    write_lean(keep.open(), "REUS", tmp_path / "lean")
    text = (tmp_path / "lean/equity/usa/map_files/reus.csv").read_text()
    assert text.split() == ["20250505,reus", "20501231,reus"]


def test_trap_30_holders_of_one_ticker_share_its_zip(tmp_path: Path) -> None:
    """
    Both holders of a ticker are found by it in their own days: each has a map and a factor file, and the ticker's zip
    has the bars of both, because that is where LEAN looks for either.
    """
    keep = SmallKeep(tmp_path / "keep", Policy(tickers_of_the_day=("csv",)))
    first, second = date(2024, 6, 3), date(2025, 5, 5)
    days = [(first, 5.0), (date(2024, 6, 4), 6.0), (second, 10.0), (date(2025, 5, 6), 11.0)]
    keep.bars(*days, symbol="REUS")
    old, new = "First Co. - Common Stock", "Second Corp. - Common Stock"
    held = {date(2024, 6, 3) + timedelta(days=n): lines for n, lines in enumerate(({"REUS": old}, {}, {}))}
    for day, lines in {**held, second: {"REUS": new}}.items():
        kept(keep.work.batches, directory(day, lines))
    rebuild(keep.work)
    reader = keep.open()
    assert reader.symbols() == ["REUS", "REUS~2024"]
    write_lean(reader, ["REUS~2024", "REUS~now"], tmp_path / "lean")
    folder = tmp_path / "lean/equity/usa"
    maps = {path.stem: path.read_text().split() for path in sorted((folder / "map_files").iterdir())}
    assert maps == {
        "reus": ["20250505,reus", "20501231,reus"],
        "reus~2024": ["20240603,reus", "20240603,reus"],
    }
    assert [line[:8] for line in daily_lines(folder / "daily/reus.zip")] == [f"{day:%Y%m%d}" for day, _ in days]
    assert [path.name for path in (folder / "daily").iterdir()] == ["reus.zip"]
    assert {path.stem for path in (folder / "factor_files").iterdir()} == set(maps)
    with pytest.raises(AmbiguousSymbol):
        write_lean(reader, "REUS", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_trap_11_bars_lie_under_the_ticker_of_their_day(corpus: Path, tmp_path: Path) -> None:
    """
    Asked for by any name, Waste Management's bars go out as LEAN ships them: until 2009 in WMI's zip, then in WM's,
    beside one factor and one map file. What is written comes in again as the same.
    """
    made = make_keep(tmp_path / "keep")
    made.take(*(corpus / "lean" / name for name in ("daily", "factor_files", "map_files")))
    keep, folder = made.open(), tmp_path / "lean/equity/usa"
    written = write_lean(keep, "WMI", tmp_path / "lean")
    assert [path.relative_to(folder).as_posix() for path in written] == [
        "daily/wmi.zip",
        "daily/wm.zip",
        "factor_files/wm.csv",
        "map_files/wm.csv",
    ]
    for name, first, last in (("wmi", "19980101", "20090804"), ("wm", "20090805", "20501231")):
        theirs = [line.strip() for line in daily_lines(corpus / f"lean/daily/{name}.zip") if first <= line[:8] <= last]
        assert daily_lines(folder / f"daily/{name}.zip") == theirs
    again = make_keep(tmp_path / "again")
    again.take(tmp_path / "lean")
    columns = ["symbol", "date", "open", "high", "low", "close", "volume"]
    for name in ("WMI", "WM~now"):
        assert again.open().bars(name).polars().select(columns).equals(keep.bars("WMI").polars().select(columns))
    # The bank that had WM before shares the zip when it is written too.
    write_lean(keep, ["WM~now", "WM~2009"], tmp_path / "both")
    theirs = [line.strip() for line in daily_lines(corpus / "lean/daily/wm.zip")]
    assert daily_lines(tmp_path / "both/equity/usa/daily/wm.zip") == theirs
