"""Whatever is told in whatever order: a clock never shows what came later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from going_keep import GoingKeep, Row, dividend
from marketkeep.calendars import XNYS
from marketkeep.errors import NotFound
from marketkeep.query import Keep

DAYS = XNYS.sessions(date(2024, 3, 4), date(2024, 3, 23))
SYMBOLS = ("AAPL", "MSFT")
AFTERWARDS = datetime(2024, 4, 1, 12, tzinfo=UTC)

days, sources = st.sampled_from(DAYS), st.sampled_from(["a", "b", "csv"])
closes = st.integers(95, 105).map(float)


@dataclass(frozen=True)
class Told:
    """One payload: rows of a dataset by a source."""

    dataset: str
    source: str
    rows: tuple[tuple[Any, ...], ...]

    def upto(self, day: date) -> Told | None:
        """What of it concerns days up to that one."""
        rows = tuple(row for row in self.rows if row[1] <= day)
        return Told(self.dataset, self.source, rows) if rows else None


def _of(dataset: str, row: st.SearchStrategy[tuple[Any, ...]], by: st.SearchStrategy[str] = sources) -> Any:
    rows = st.lists(row, min_size=1, max_size=4, unique_by=lambda one: one[:2]).map(tuple)
    return st.builds(Told, st.just(dataset), by, rows)


bars = _of("daily_bars", st.tuples(st.sampled_from(SYMBOLS), days, closes))
actions = _of("actions", st.tuples(st.just("AAPL"), days, st.sampled_from([0.25, 0.5])))
members = _of(
    "index_members", st.tuples(st.sampled_from(SYMBOLS), days, st.sampled_from(["added", "removed"])), st.just("csv")
)
yields = _of("treasury_yields", st.tuples(st.just("3M"), days, st.sampled_from([4.0, 4.25])), st.just("treasury"))
payloads = st.lists(st.one_of(bars, actions, members, yields), min_size=1, max_size=4)


def _row(dataset: str, symbol: str, day: date, value: Any) -> Row:
    if dataset == "daily_bars":
        prices = dict.fromkeys(("open", "high", "low", "close"), value)
        return {"symbol": symbol, "date": day, **prices, "volume": 1000.0, "basis": "as_traded"}
    if dataset == "actions":
        return dividend(day, value)
    if dataset == "index_members":
        return {"index": "sp500", "symbol": symbol, "date": day, "event": value}
    return {"date": day, "tenor": symbol, "yield": value}


def tell(keep: GoingKeep, told: Sequence[Told]) -> None:
    """Receive and publish payloads one by one."""
    for one in told:
        keep.receive(one.dataset, one.source, (_row(one.dataset, *row) for row in one.rows))
        keep.publish()


def base(upto: date = DAYS[-1]) -> Told:
    """A bar of every session of each symbol."""
    rows = tuple((symbol, day, 100.0) for symbol in SYMBOLS for day in DAYS if day <= upto)
    return Told("daily_bars", "csv", rows)


def built(folder: str, told: Sequence[Told]) -> GoingKeep:
    """A keep told of the whole past, then of these."""
    keep = GoingKeep(Path(folder) / "keep")
    keep.small.now = AFTERWARDS
    tell(keep, told)
    return keep


def answers(keep: Keep, **clocks: Any) -> dict[str, pl.DataFrame]:
    """What each reader tells; nothing where it holds nothing."""
    return {
        "bars": keep.bars(SYMBOLS, adjust="all", **clocks).polars().drop("score"),
        "actions": keep.actions(SYMBOLS, **clocks).drop("witnesses", "status"),
        "yields": _or_none(lambda: keep.treasury_yields(**clocks)),
        "members": _or_none(lambda: keep.index_members("sp500", **clocks)),
        "coverage": keep.coverage(**clocks).drop("score"),
    }


def _or_none(ask: Any) -> pl.DataFrame:
    try:
        found: pl.DataFrame = ask()
    except NotFound:
        return pl.DataFrame()
    return found if found.height else pl.DataFrame()


def differing(one: dict[str, pl.DataFrame], other: dict[str, pl.DataFrame]) -> list[str]:
    """Which readers answer differently."""
    return [name for name in one if not one[name].equals(other[name])]


@settings(max_examples=8, deadline=None)
@given(before=payloads, after=payloads)
def test_recorded_by_never_sees_a_later_write(before: list[Told], after: list[Told]) -> None:
    """Whatever is received later, every reader answers for an earlier instant as it did at that instant."""
    with TemporaryDirectory() as folder:
        keep = built(folder, [base(), *before])
        moment, then = keep.now, answers(keep.open())
        tell(keep, after)
        assert differing(answers(keep.open(), recorded_by=moment), then) == []


@settings(max_examples=8, deadline=None)
@given(told=payloads, day=st.sampled_from(DAYS[2:]), shuffle=st.randoms(use_true_random=False))
def test_as_of_never_sees_a_later_day(told: list[Told], day: date, shuffle: Any) -> None:
    """In whatever order days are told, every reader answers for a day as if nothing had been told of later ones."""
    shuffle.shuffle(told)
    with TemporaryDirectory() as whole, TemporaryDirectory() as part:
        full = built(whole, [base(), *told]).open()
        short = built(part, [base(day), *(some for one in told if (some := one.upto(day)))]).open()
        known_then, told_then = answers(full, as_of=day), answers(short, as_of=day)
        # A removal told later does tell that there was a member until then; only the removal is of later.
        members = known_then.pop("members")
        assert differing(known_then, told_then) == []
        assert all(bound <= day for name in ("from", "to") if members.height for bound in members[name].drop_nulls())
