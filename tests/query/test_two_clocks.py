"""Every reader by both clocks: what is written later, and what is later in the market, stays unseen."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import marketkeep
from going_keep import DAYS, EARLY, KNOWN, LATER, GoingKeep
from marketkeep.errors import BadInput, NotFound
from marketkeep.query import Keep

Ask = Callable[..., Any]


def _told(proof: object) -> pl.DataFrame:
    return pl.DataFrame({"told": [str(proof)]})


def _or_nothing(keep: Keep, **clocks: Any) -> pl.DataFrame:
    try:
        return _told(keep.explain("AAPL", LATER[0], **clocks))
    except NotFound:
        return _told("nothing")


def _by_sql(table: str) -> Ask:
    return lambda keep, **clocks: keep.sql(f"select * from {table} order by all", **clocks).polars()  # noqa: S608


SQL_TABLES = ("minute_bars", "actions", "securities", "ticker_history", "index_members", "treasury_yields", "coverage")
"""Tables of SQL that later writes and later days change; daily bars are asked beside them."""
READERS: dict[str, Ask] = {
    "bars": lambda keep, **clocks: keep.bars(["AAPL", "GONE"], adjust="all", **clocks).polars(),
    "minute_bars": lambda keep, **clocks: keep.minute_bars("AAPL", adjust="all", **clocks).polars(),
    "matrix": lambda keep, **clocks: keep.matrix("adj_close", ["AAPL", "GONE"], **clocks).polars(),
    "sql": lambda keep, **clocks: keep.sql("select * from daily_bars order by symbol, date", **clocks).polars(),
    "actions": lambda keep, **clocks: keep.actions("AAPL", **clocks),
    "fundamentals": lambda keep, **clocks: keep.fundamentals("AAPL", **clocks).polars(),
    "symbols": lambda keep, **clocks: pl.DataFrame({"symbol": keep.symbols(**clocks)}),
    "securities": lambda keep, **clocks: keep.securities(**clocks),
    "ticker_history": lambda keep, **clocks: keep.ticker_history(**clocks),
    "members": lambda keep, **clocks: pl.DataFrame({"symbol": keep.members("sp500", **clocks)}),
    "index_members": lambda keep, **clocks: keep.index_members("sp500", **clocks),
    "treasury_yields": lambda keep, **clocks: keep.treasury_yields(**clocks),
    "coverage": lambda keep, **clocks: keep.coverage(**clocks),
    "findings": lambda keep, **clocks: keep.findings(**clocks).drop("repeated"),
    "issues": lambda keep, **clocks: keep.issues(info=True, now=LATER[-1], **clocks),
    "quality": lambda keep, **clocks: keep.quality(**clocks).bars,
    "explain": lambda keep, **clocks: _told(keep.explain("AAPL", EARLY[0], "adj_close", **clocks)),
}
"""Each public reader of a keep, asked of something that later writes and later days change."""
MORE: dict[str, Ask] = {
    "bars of a universe": lambda keep, **clocks: keep.bars(universe="sp500", **clocks).polars(),
    "coverage of minutes": lambda keep, **clocks: keep.coverage("minute_bars", **clocks),
    "checks of quality": lambda keep, **clocks: keep.quality(**clocks).checks,
    "explain a later day": _or_nothing,
    **{f"sql of {table}": _by_sql(table) for table in SQL_TABLES},
}
NO_FACTS = {"fundamentals"}
"""Readers whose clocks are proved beside their own tests."""
ASKED = {name: ask for name, ask in {**READERS, **MORE}.items() if name not in NO_FACTS}


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> GoingKeep:
    """A keep that was told of the first days only."""
    made = GoingKeep(tmp_path_factory.mktemp("clocks") / "before")
    made.early()
    return made


@pytest.fixture(scope="module")
def after(before: GoingKeep) -> marketkeep.Keep:
    """The same keep, told of later days later."""
    root = Path(shutil.copytree(before.root, before.root.with_name("after")))
    made = GoingKeep(root)
    made.small.now = before.now
    made.later()
    return made.open()


def test_every_reader_takes_both_clocks() -> None:
    """A public method of a keep without `as_of` or `recorded_by` is refused here, and so is one that nobody tests."""
    methods = {name for name, _ in inspect.getmembers(Keep, inspect.isfunction) if not name.startswith("_")}
    assert methods == set(READERS)
    for name in sorted(methods):
        known = inspect.signature(getattr(Keep, name)).parameters
        assert {"as_of", "recorded_by"} <= set(known), name
        assert all(known[clock].default is None for clock in ("as_of", "recorded_by")), name


@pytest.mark.parametrize("name", ASKED)
def test_later_writes_are_seen_now(name: str, before: GoingKeep, after: marketkeep.Keep) -> None:
    """What is asked here does change with what came later, so that a clock that is not heeded shows."""
    ask = ASKED[name]
    assert not ask(after).equals(ask(before.open()))


@pytest.mark.parametrize("name", ASKED)
def test_recorded_by_replays_what_the_keep_said(name: str, before: GoingKeep, after: marketkeep.Keep) -> None:
    """By an earlier instant every reader answers as the keep did then, to the row."""
    ask = ASKED[name]
    then = ask(before.open(), recorded_by=before.now)
    assert ask(after, recorded_by=before.now).equals(then)
    assert then.equals(ask(before.open()))


@pytest.mark.parametrize("name", ASKED)
def test_as_of_shows_what_the_market_knew(name: str, before: GoingKeep, after: marketkeep.Keep) -> None:
    """As of a day every reader answers as if nothing later had happened, whenever that was told."""
    ask = ASKED[name]
    known = ask(before.open(), as_of=KNOWN)
    assert ask(after, as_of=KNOWN).equals(known)


@pytest.mark.parametrize("name", sorted(set(ASKED) - {"findings", "issues", "checks of quality"}))
def test_both_ways_meet_at_now(name: str, after: marketkeep.Keep) -> None:
    """With clocks that hide nothing the answer is that of no clock at all."""
    ask = ASKED[name]
    assert ask(after, recorded_by="2100-01-01").equals(ask(after))
    assert ask(after, as_of=DAYS[-1]).equals(ask(after))


def test_findings_that_were_cured_later_are_open_then(tmp_path: Path) -> None:
    """By an instant before the cure a finding is open, and how often it was told since is not known."""
    keep = GoingKeep(tmp_path / "keep")
    keep.small.bars((EARLY[0], 100.0, 0.0, 1.0, -5))
    told = keep.now
    keep.small.bars((EARLY[0], 100.0, 0.0, 1.0, -5), source="b")
    keep.small.bars((EARLY[0], 100.0))
    reader = keep.open()
    [cured] = reader.findings("AAPL").filter(source="csv", check="volume_negative").rows(named=True)
    assert cured["resolved_at"] == keep.now
    [then] = reader.findings(recorded_by=told).filter(check="volume_negative").rows(named=True)
    assert (then["resolved_at"], then["resolved_by"], then["repeated"]) == (None, None, None)
    assert reader.issues()["check"].to_list() == []
    assert reader.issues(recorded_by=told)["check"].to_list() == ["volume_negative"]


@pytest.mark.parametrize("name", sorted(set(READERS) - {"minute_bars", "fundamentals"}))
def test_clocks_that_are_none_are_refused(name: str, before: GoingKeep) -> None:
    """A clock that is no day, or no instant, is refused by name."""
    with pytest.raises(BadInput, match="as_of='soon' is not a date"):
        READERS[name](before.open(), as_of="soon")
    with pytest.raises(BadInput, match="recorded_by='soon' is not a time"):
        READERS[name](before.open(), recorded_by="soon")
