"""What is missing of bars: of a symbol, of the market, and since the last bar."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from marketkeep.calendars import XNYS
from marketkeep.checks.coverage import bridged, gaps, holes, market_gaps, market_holes, not_fresh
from marketkeep.model import CATALOG, ISSUES, Thresholds

LIMITS = Thresholds()
FIRST, LAST = date(2024, 6, 24), date(2024, 7, 12)
DAYS = XNYS.sessions(FIRST, LAST + timedelta(days=1))


def entry(symbol: str, *missing: date, dataset: str = "daily_bars", first: date = FIRST, last: date = LAST) -> dict:  # type: ignore[type-arg]
    """What is held of a symbol, but for these sessions."""
    return {
        "dataset": dataset,
        "symbol": symbol,
        "period": first.year,
        "rows": 0,
        "first": first,
        "last": last,
        "missing": list(missing),
        "score": 100.0,
        "hash": "",
    }


def entries(*told: dict) -> pl.DataFrame:  # type: ignore[type-arg]
    """Those as rows of the catalog."""
    return CATALOG.conform(pl.DataFrame(list(told), schema=CATALOG.schema))


def judged(held: pl.DataFrame, thin: pl.DataFrame | None = None, limits: Thresholds = LIMITS) -> pl.DataFrame:
    """Gaps and market holes together."""
    found = holes(held, thin)
    market = market_holes(found, held, limits)
    return pl.concat([market_gaps(market), gaps(found, market)])


def named(found: pl.DataFrame) -> list[tuple[str, str | None, date, int]]:
    """Check, symbol, first day and count of each."""
    return found.select("check", "symbol", "first", "count").rows()


def test_gap_is_one_line_a_symbol_and_dataset() -> None:
    """The sessions that a symbol lacks are one line, with the first, the last and how many."""
    held = entries(entry("A", DAYS[1], DAYS[5]), entry("A", DAYS[2], dataset="minute_bars"), entry("B"))
    found = judged(held)
    assert dict(found.schema) == ISSUES.schema
    assert found.select("dataset", "symbol", "first", "last", "count").rows() == [
        ("daily_bars", "A", DAYS[1], DAYS[5], 2),
        ("minute_bars", "A", DAYS[2], DAYS[2], 1),
    ]


def names(count: int) -> Iterable[str]:
    """Symbols enough for a market."""
    return (f"S{number}" for number in range(count))


def test_trap_19_a_session_that_many_lack_is_told_of_the_market() -> None:
    """A session that a fifth of the symbols lack is one line for all; what one of them lacks besides is its own."""
    own = {"S0": [DAYS[4]]}
    lack = [entry(symbol, *([DAYS[3]] if n < 6 else []), *own.get(symbol, [])) for n, symbol in enumerate(names(20))]
    assert named(judged(entries(*lack))) == [("market_hole", None, DAYS[3], 6), ("gap", "S0", DAYS[4], 1)]


@pytest.mark.parametrize(("lacking", "of", "hole"), [(4, 8, False), (5, 8, True), (5, 25, True), (5, 26, False)])
def test_hole_needs_a_share_and_a_number(lacking: int, of: int, *, hole: bool) -> None:
    """Both bounds are the thresholds': a few symbols, or few of many, are no hole in the market."""
    held = entries(*(entry(symbol, *([DAYS[3]] if n < lacking else [])) for n, symbol in enumerate(names(of))))
    checks = set(judged(held)["check"])
    assert checks == ({"market_hole"} if hole else {"gap"})
    assert set(judged(held, limits=replace(LIMITS, hole_share=1.0))["check"]) == {"gap"}


def test_only_who_traded_then_counts() -> None:
    """Symbols that were not listed yet, or no more, neither lack a session nor make it look complete."""
    young = [entry(symbol, first=DAYS[5]) for symbol in ("Y1", "Y2", "Y3", "Y4")]
    gone = [entry(f"G{n}", last=DAYS[2]) for n in range(40)]
    held = entries(*(entry(symbol, DAYS[3]) for symbol in names(5)), *young, *gone)
    [hole] = judged(held).rows(named=True)
    assert (hole["check"], hole["count"], hole["detail"]) == (
        "market_hole",
        5,
        f"5 of 5 symbols that traded on {DAYS[3]} lack the session",
    )


def test_sessions_that_are_a_handful_of_minutes_are_holes_too() -> None:
    """A session of minute bars that is there but thin counts as lacking for the market (trap 19)."""
    held = entries(*(entry(symbol, dataset="minute_bars") for symbol in names(8)))
    thin = pl.DataFrame(
        [("minute_bars", symbol, DAYS[2]) for symbol in names(6)], schema=["dataset", "symbol", "day"], orient="row"
    )
    assert named(judged(held, thin)) == [("market_hole", None, DAYS[2], 6)]


def test_crypto_is_no_part_of_new_york() -> None:
    """Markets of other calendars are counted apart."""
    stocks = [entry(symbol, DAYS[3]) for symbol in names(5)]
    pairs = [entry(f"{name}-USD") for name in ("BTC", "ETH", "SOL", "ADA", "XRP", "LTC", "DOT", "UNI", "XLM", "BCH")]
    assert named(judged(entries(*stocks, *pairs)))[0][:2] == ("market_hole", None)


def fresh(last: date, now: datetime, symbol: str = "A") -> list[tuple[str, int]]:
    """Symbol and sessions behind, when it is too many."""
    held = pl.DataFrame({"dataset": ["daily_bars"], "symbol": [symbol], "last": [last]})
    return not_fresh(held, now, timedelta(minutes=15), LIMITS).select("symbol", "count").rows()


def test_fresh_by_sessions_of_its_own_calendar() -> None:
    """Four sessions without a bar are too many where three are allowed; a holiday and a weekend are no sessions."""
    # 2024-07-04 was a Thursday without trading; 07-05, 08, 09, 10 are the four sessions behind 07-03.
    night = datetime(2024, 7, 10, 23, tzinfo=UTC)
    assert fresh(date(2024, 7, 3), night) == [("A", 4)]
    assert fresh(date(2024, 7, 3), night.replace(hour=19)) == []
    assert fresh(date(2024, 7, 5), night) == []
    assert fresh(date(2024, 7, 7), night, "BTC-USD") == []
    assert fresh(date(2024, 7, 5), night, "BTC-USD") == [("BTC-USD", 4)]


def test_bars_ahead_of_the_last_final_session_are_fresh() -> None:
    """A bar of later than the last final session is not late."""
    assert fresh(date(2024, 7, 11), datetime(2024, 7, 10, 23, tzinfo=UTC)) == []


def test_half_days_and_closures_are_the_calendars() -> None:
    """Half days are expected like any session; a day on which New York was closed unexpectedly is none (trap 41)."""
    assert date(2024, 7, 3) in DAYS
    assert XNYS.is_half_day(date(2024, 7, 3))
    assert XNYS.sessions(date(2025, 1, 8), date(2025, 1, 11)) == [date(2025, 1, 8), date(2025, 1, 10)]


def test_sessions_at_the_turn_of_a_period_are_holes_too() -> None:
    """
    A session missing behind a year's last bar or before the next year's first lies in neither, and is missing; the days
    between Friday's close and New Year's Day are no sessions.
    """
    old = entry("A", first=date(2023, 12, 1), last=date(2023, 12, 28))
    new = entry("A", date(2024, 1, 10), first=date(2024, 1, 3), last=date(2024, 1, 31))
    whole = entry("B", first=date(2023, 12, 1), last=date(2023, 12, 29))
    goes_on = entry("B", first=date(2024, 1, 2), last=date(2024, 1, 31))
    held = bridged(entries(old, new, whole, goes_on))
    assert holes(held)["day"].to_list() == [date(2023, 12, 29), date(2024, 1, 2), date(2024, 1, 10)]
    assert held.columns == list(CATALOG.schema)


def test_only_months_that_follow_each_other_are_joined() -> None:
    """
    Between the last session of one month and the first of the next minute bars are missing; between months that lie
    apart none were asked for.
    """

    def month(period: int, first: date, last: date) -> dict:  # type: ignore[type-arg]
        return {**entry("A", dataset="minute_bars", first=first, last=last), "period": period}

    near = entries(
        month(202401, date(2024, 1, 2), date(2024, 1, 30)), month(202402, date(2024, 2, 1), date(2024, 2, 9))
    )
    far = entries(month(202401, date(2024, 1, 2), date(2024, 1, 30)), month(202404, date(2024, 4, 3), date(2024, 4, 9)))
    assert holes(bridged(near))["day"].to_list() == [date(2024, 1, 31)]
    assert holes(bridged(far)).is_empty()


def test_hole_of_the_market_at_the_turn_of_a_year() -> None:
    """
    Symbols that all lack the last session of a year are told once, of the market: they traded then.
    """
    told = [
        entry(f"S{number}", first=first, last=last)
        for number in range(LIMITS.hole_least)
        for first, last in ((date(2023, 12, 1), date(2023, 12, 28)), (date(2024, 1, 2), date(2024, 1, 31)))
    ]
    found = judged(bridged(entries(*told)))
    assert named(found) == [("market_hole", None, date(2023, 12, 29), LIMITS.hole_least)]
