"""Minute bars come out the same whichever way they are read, and longer ones are made as they are read."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path

import polars as pl
import pytest

import marketkeep
from marketkeep.calendars import XNYS
from marketkeep.derive.resample_minutes import resample_minutes
from marketkeep.errors import BadInput
from marketkeep.query import Keep, minute_panel
from marketkeep.query.minute_panel import COLUMNS, MinutePlan, MinuteReader, plan_minutes
from minute_keep import MinuteKeep
from minute_rows import minute

DAYS = XNYS.sessions(date(2024, 1, 29), date(2024, 3, 8))
SYMBOLS = ("AAPL", "BRK.B", "NA", "SPY")
CLOCKS = ("08:15", "09:30", "09:31", "10:02", "15:59", "16:30")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A keep of four symbols' minutes over three months, with holes: the last month goes on."""
    keep = MinuteKeep(tmp_path_factory.mktemp("minutes") / "keep")
    chance = random.Random(5)
    keep.take(
        *(
            minute(day, clock, 10 + at + chance.random(), symbol=symbol)
            for at, symbol in enumerate(SYMBOLS)
            for day in DAYS
            for clock in CLOCKS
            if chance.random() < 0.8 and (symbol != "NA" or day >= date(2024, 2, 20))
        )
    )
    return keep.root


def forced(keep: Keep, plan: MinutePlan, way: minute_panel.MinuteWay) -> pl.DataFrame:
    """The bars of a plan, read another way."""
    told = {name: getattr(plan, name) for name in MinutePlan.__slots__} | {"way": way}
    return MinuteReader(keep._lake, MinutePlan(**told)).read(plan.symbols, plan.first, plan.last)


def test_every_way_gives_the_same_bars(root: Path) -> None:
    """
    Random symbols and sessions read from files, Parquet and maps are equal, rows and order and types.
    """
    keep, chance = marketkeep.open(root), random.Random(7)
    catalog = keep._lake.catalog()
    for _ in range(40):
        symbols = chance.sample(SYMBOLS, chance.randint(1, 4))
        first, last = sorted(chance.choice([None, *DAYS]) or date(2024, 1, 1) for _ in range(2))
        plan = plan_minutes(keep._lake, catalog, symbols, first, last)
        told = forced(keep, plan, "published")
        assert told.columns == COLUMNS
        if plan.sources:
            assert forced(keep, plan, "panel").equals(told)
            assert forced(keep, plan, "mapped").equals(told)


def test_few_files_are_read_themselves_and_many_from_the_panel(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """
    A session of one symbol is read from its file; all of them from the panel, which stays the way once it is mapped.
    """
    keep = marketkeep.open(root)
    monkeypatch.setattr(minute_panel, "open_mapped", lambda *_: None)
    few = keep.minute_bars("AAPL", DAYS[3], DAYS[4]).explain_plan()
    assert few.startswith("Reads the published files, one a symbol and session: 2 files.\nOf AAPL; ")
    many = keep.minute_bars(SYMBOLS).explain_plan()
    assert many.startswith(
        "Reads the panel, mapped into memory: 7 partitions.\nOf AAPL, BRK.B, NA, SPY; sessions all that are held."
    )
    monkeypatch.setattr(minute_panel, "_MAPPED_ROWS", 10)
    assert "Parquet" in keep.minute_bars(SYMBOLS).explain_plan()


def test_damaged_panel_is_passed_over(root: Path, tmp_path: Path) -> None:
    """
    Where a partition is not what the catalog tells of, the bars come from the published files.
    """
    keep = marketkeep.open(root)
    plan = plan_minutes(keep._lake, keep._lake.catalog(), SYMBOLS, None, None)
    path = root / plan.sources[0].key
    sound = path.read_bytes()
    try:
        path.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
        assert forced(keep, plan, "panel").equals(forced(keep, plan, "published"))
    finally:
        path.write_bytes(sound)


@pytest.mark.parametrize("every", ["5m", "15m", "30m", "1h", "session"])
def test_longer_bars_are_the_minutes_resampled(root: Path, every: str) -> None:
    """
    `every` gives what `resample_minutes` makes of the same question's minutes, of one segment or all.
    """
    keep = marketkeep.open(root)
    for segment in (None, "regular"):
        asked = {"start": DAYS[2], "end": DAYS[20], "segment": segment}
        found = keep.minute_bars(SYMBOLS, every=every, **asked).polars()
        assert found.equals(resample_minutes(keep.minute_bars(SYMBOLS, **asked).polars(), every))


def test_fields_keep_the_key(root: Path) -> None:
    """
    Fields come with symbol and ts, in the table's order; `minutes` is one of longer bars only.
    """
    keep = marketkeep.open(root)
    assert keep.minute_bars("AAPL", fields=["close", "volume"]).polars().columns == ["symbol", "ts", "close", "volume"]
    longer = keep.minute_bars("AAPL", every="1h", fields="minutes").polars()
    assert longer.columns == ["symbol", "ts", "minutes"]
    with pytest.raises(BadInput, match="minute bars have no field 'minutes'; there are symbol, ts"):
        keep.minute_bars("AAPL", fields="minutes")


def test_an_unknown_length_is_told_before_anything_is_read(root: Path) -> None:
    """
    The message names what can be asked for.
    """
    with pytest.raises(BadInput, match="every='2h' is unknown; use '5m', '15m', '30m', '1h', 'session', or None"):
        marketkeep.open(root).minute_bars("AAPL", every="2h")  # type: ignore[arg-type]
