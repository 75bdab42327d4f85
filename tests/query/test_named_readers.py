"""Every reader by symbol takes any ticker a security ever had, and refuses one that means several."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from going_keep import GoingKeep, dividend, minutes
from marketkeep.calendars import XNYS
from marketkeep.errors import AmbiguousSymbol
from marketkeep.query import Keep

DAYS = XNYS.sessions(date(2024, 1, 2), date(2024, 1, 20))
RENAMED = DAYS[6]
READERS: dict[str, Callable[..., pl.DataFrame]] = {
    "bars": lambda keep, name, **more: keep.bars(name, **more).polars(),
    "minute_bars": lambda keep, name, **more: keep.minute_bars(name, **more).polars(),
    "actions": lambda keep, name, **more: keep.actions(name, **more),
    "findings": lambda keep, name, **more: keep.findings(name, **more).drop("repeated"),
    "issues": lambda keep, name, **more: keep.issues(name, **more),
    "quality": lambda keep, name, **more: keep.quality(name, **more).bars,
    "explain": lambda keep, name, **more: pl.DataFrame({"told": [str(keep.explain(name, DAYS[0], **more))]}),
}


@pytest.fixture(scope="module")
def keep(tmp_path_factory: pytest.TempPathFactory) -> tuple[GoingKeep, datetime]:
    """A keep that held OLD, and learned later that its ticker is NEW since the seventh session."""
    made = GoingKeep(tmp_path_factory.mktemp("named") / "keep")
    made.small.now = datetime(2024, 1, 11, 22, tzinfo=UTC)
    old = [(day, 10.0 + n * 0.01, 0.0, 1.0, 0.0 if n == 1 else 1000.0) for n, day in enumerate(DAYS[:6])]
    made.small.bars(*old, symbol="OLD")
    made.receive("minute_bars", "csv", [{**row, "symbol": "OLD"} for row in minutes(DAYS[3])])
    made.receive("actions", "csv", [{**dividend(DAYS[4], 0.5), "symbol": "OLD"}])
    made.publish()
    then = made.now
    made.small.now = datetime(2024, 1, 25, 22, tzinfo=UTC)
    step = {"symbol": "NEW", "old_symbol": "OLD", "new_symbol": "NEW", "effective_date": RENAMED}
    made.receive("ticker_history", "csv", [step])
    made.publish()
    made.small.bars(*((day, 11.0 + n * 0.01) for n, day in enumerate(DAYS[6:])), symbol="NEW")
    return made, then


@pytest.mark.parametrize("name", READERS)
def test_old_and_new_ticker_mean_one_security(keep: tuple[GoingKeep, datetime], name: str) -> None:
    """The ticker of then and that of now give the same answer, under the symbol of now."""
    reader = keep[0].open()
    answer = READERS[name](reader, "OLD")
    assert answer.height
    assert answer.equals(READERS[name](reader, "NEW"))
    if "symbol" in answer.columns:
        assert set(answer["symbol"]) == {"NEW"}


@pytest.mark.parametrize("name", READERS)
def test_before_the_rename_was_known_it_had_the_old_ticker(keep: tuple[GoingKeep, datetime], name: str) -> None:
    """By an instant before the keep learned of the rename its answers are told under the ticker of then."""
    made, then = keep
    answer = READERS[name](made.open(), "NEW", recorded_by=then)
    assert answer.height
    assert answer.equals(READERS[name](made.open(), "OLD", recorded_by=then))
    if "symbol" in answer.columns and name not in ("findings", "issues"):
        assert set(answer["symbol"]) == {"OLD"}


def test_bars_go_through_the_rename(keep: tuple[GoingKeep, datetime]) -> None:
    """One question brings the sessions under both tickers (trap 11)."""
    assert keep[0].open().bars("OLD").polars()["date"].to_list() == DAYS


def test_ticker_of_two_securities_is_refused_naming_both(tmp_path: Path) -> None:
    """A ticker that two securities had in the dates asked for is refused by every reader, and dates may settle it."""
    keep = GoingKeep(tmp_path / "keep")
    keep.small.now = datetime(2024, 1, 25, 22, tzinfo=UTC)
    steps: list[dict[str, Any]] = [
        {"symbol": "TKR", "old_symbol": "TKR", "new_symbol": None, "effective_date": DAYS[5]},
        {"symbol": "TKR", "old_symbol": "PRE", "new_symbol": "TKR", "effective_date": DAYS[8]},
    ]
    keep.receive("ticker_history", "lean", steps)
    rows = [{"symbol": "TKR", "date": day, "close": 10.0 + n * 0.01} for n, day in enumerate(DAYS) if not 4 < n < 8]
    prices = ({**row, **dict.fromkeys(("open", "high", "low"), row["close"])} for row in rows)
    keep.receive("daily_bars", "lean", [{**row, "volume": 1000.0, "basis": "as_traded"} for row in prices])
    keep.publish()
    reader: Keep = keep.open()
    with pytest.raises(AmbiguousSymbol, match="TKR"):
        reader.bars("TKR").polars()
    with pytest.raises(AmbiguousSymbol):
        reader.actions("TKR")
    assert reader.bars("TKR", end=DAYS[3]).polars()["date"].to_list() == DAYS[:4]
    assert reader.bars("TKR", DAYS[9]).polars()["date"].to_list() == DAYS[9:]
    assert reader.bars("TKR~now").polars()["date"].to_list() == DAYS[8:]
    assert reader.explain("TKR", DAYS[0]).symbol == "TKR~2024"
    assert reader.symbols() == ["TKR", "TKR~2024"]
    assert reader.bars("TKR", as_of=DAYS[3]).polars()["date"].to_list() == DAYS[:4]
    assert reader.bars("TKR", end=DAYS[3], recorded_by=keep.now + timedelta(days=1)).polars().height == 4
