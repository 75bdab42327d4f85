"""Minutes in the panel: a month that is over is one file, of the month that goes on each session is."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from marketkeep.calendars import XNYS
from marketkeep.model import PANEL_MINUTES
from marketkeep.pipeline.publishing.absorb import absorb, clear_published
from marketkeep.pipeline.publishing.panel import examine_panel
from marketkeep.stores.lake import Lake, layout
from marketkeep.stores.lake.minutes import read_minutes
from minute_keep import MinuteKeep
from minute_rows import Row, minute

FEBRUARY = XNYS.sessions(date(2024, 2, 27), date(2024, 3, 1))
MARCH = XNYS.sessions(date(2024, 3, 1), date(2024, 3, 8))


def rows(days: list[date], symbol: str = "AAPL", close: float = 10.0) -> list[Row]:
    """Two minutes of each session."""
    return [minute(day, clock, close, symbol=symbol) for day in days for clock in ("09:30", "15:59")]


def panel(keep: MinuteKeep) -> dict[int, int]:
    """By period of minutes in the panel the inode of its file: another one when it was written."""
    told = Lake(keep.root).catalog().panels.filter(pl.col("dataset") == "minute_bars")
    return {period: (keep.root / key).stat().st_ino for period, key in told.select("period", "key").iter_rows()}


def period(day: date) -> int:
    """The period of a session that is a file of its own."""
    return day.year * 10_000 + day.month * 100 + day.day


def same_after_rebuild(keep: MinuteKeep) -> None:
    """What is published, the panel with it, is what a rebuild publishes, and the panel is that of the files."""
    before = {key: (keep.root / key).read_bytes() for key in layout.published(keep.root)}
    clear_published(keep.work)
    absorb(keep.work)
    assert {key: (keep.root / key).read_bytes() for key in layout.published(keep.root)} == before
    catalog = keep.work.lake.catalog()
    assert {fault for _, fault in examine_panel(keep.work.files, catalog)} <= {None}


def test_a_session_more_writes_itself_alone(tmp_path: Path) -> None:
    """
    Of the month that goes on a new session is a new file; no other file of the panel is written.
    """
    keep = MinuteKeep(tmp_path / "keep")
    keep.take(*rows(FEBRUARY), *rows(MARCH[:2]), *rows(MARCH[:2], "NA"))
    before = panel(keep)
    assert list(before) == [202402, *map(period, MARCH[:2])]
    keep.take(*rows([MARCH[2]]))
    after = panel(keep)
    assert {key for key, inode in after.items() if before.get(key) != inode} == {period(MARCH[2])}
    same_after_rebuild(keep)


def test_a_month_that_is_over_becomes_one_file(tmp_path: Path) -> None:
    """
    With the first session of the next month the sessions of the last one are put together, sorted, and their own files
    go; the rows are the published ones.
    """
    keep = MinuteKeep(tmp_path / "keep")
    keep.take(*rows(FEBRUARY, "NA"), *rows(FEBRUARY[:2], "AAPL"))
    assert list(panel(keep)) == list(map(period, FEBRUARY))
    keep.take(*rows(MARCH[:1], "NA"))
    assert list(panel(keep)) == [202402, period(MARCH[0])]
    month = keep.root / "panel/minute_bars/month=2024-02"
    assert [path.name for path in month.iterdir()] == ["bars.parquet"]
    held = pl.read_parquet(month / "bars.parquet", hive_partitioning=False)
    catalog = keep.work.lake.catalog()
    told = read_minutes(keep.work.files, catalog, ["AAPL", "NA"], None, FEBRUARY[-1]).select(list(PANEL_MINUTES.schema))
    assert held.with_columns(pl.col(pl.Categorical).cast(pl.String)).equals(told)
    same_after_rebuild(keep)


def test_a_correction_of_an_old_month_writes_that_month(tmp_path: Path) -> None:
    """
    Another price of a session long past writes its month again, and neither other months nor open sessions.
    """
    keep = MinuteKeep(tmp_path / "keep")
    keep.take(*rows(FEBRUARY), *rows(FEBRUARY, "NA"), *rows(MARCH[:2]))
    before = panel(keep)
    keep.take(*rows(FEBRUARY[:1], close=11.0))
    after = panel(keep)
    assert {key for key, inode in after.items() if before.get(key) != inode} == {202402}
    same_after_rebuild(keep)


def test_what_is_lost_of_minutes_is_made_again(tmp_path: Path) -> None:
    """
    A file of the panel that is gone or damaged comes back from the published files with the next run that needs it.
    """
    keep = MinuteKeep(tmp_path / "keep")
    keep.take(*rows(FEBRUARY), *rows(MARCH[:1]))
    (keep.root / layout.panel("minute_bars", period(MARCH[0]))).unlink()
    (keep.root / layout.panel("minute_bars", 202402)).write_bytes(b"no Parquet")
    keep.take(*rows(FEBRUARY[:1], "NA"))
    same_after_rebuild(keep)
