"""Findings about daily bars: who told the flaw, when, how often, and what cured it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from checks.bar_series import USUAL, series, steady
from marketkeep.checks import bar_context, bar_findings, check_bars, check_series
from marketkeep.gold.promote import session_table, with_calendar
from marketkeep.model import FINDINGS
from raw_rows import RECEIVED, Row, bar, bars

MONDAY, FRIDAY = date(2024, 3, 4), date(2024, 3, 8)


def checked(*rows: Row) -> pl.DataFrame:
    """Rows as they come out of the checks, sorted as the checks ask for."""
    frame = with_calendar(bars(*rows).sort("symbol", "date", "fetched_at", "batch_id", "payload", maintain_order=True))
    return check_bars(frame, session_table(frame, timedelta(minutes=60)))


def won(rows: pl.DataFrame, source: str = "csv", status: str = "single") -> pl.DataFrame:
    """The winners: of each session the newest row of a source that passed the hard checks."""
    mine = rows.filter((pl.col("source") == source) & ~pl.col("hard"))
    newest = mine.unique(["symbol", "date"], keep="last", maintain_order=True)
    return newest.with_columns(status=pl.lit(status))


def found(rows: pl.DataFrame, winners: pl.DataFrame, code: str) -> list[dict[str, Any]]:
    """The findings of one check."""
    return bar_findings(rows, winners).filter(check=code).rows(named=True)


def received(at: int) -> datetime:
    """When a row of that minute was received."""
    return RECEIVED + timedelta(minutes=at)


def test_a_finding_is_about_a_check_symbol_source_and_date() -> None:
    """One finding per check, symbol, source and date: it names severity and data set, and gives the row as example."""
    rows = checked(
        bar(MONDAY, volume=None),
        bar(FRIDAY, volume=None),
        bar(MONDAY, source="yahoo", volume=None, open=None),
        bar(MONDAY, symbol="MSFT", volume=None),
        bar(MONDAY, symbol="IBM"),
    )
    told = bar_findings(rows, won(rows))
    assert told.schema == pl.Schema(FINDINGS.schema)
    key = ["check", "symbol", "source", "first"]
    assert told.select(*key, "last", "count", "severity", "dataset").sort(key).rows() == [
        ("prices_incomplete", "AAPL", "yahoo", MONDAY, MONDAY, 1, "warning", "daily_bars"),
        ("volume_missing", "AAPL", "csv", MONDAY, MONDAY, 1, "info", "daily_bars"),
        ("volume_missing", "AAPL", "csv", FRIDAY, FRIDAY, 1, "info", "daily_bars"),
        ("volume_missing", "AAPL", "yahoo", MONDAY, MONDAY, 1, "info", "daily_bars"),
        ("volume_missing", "MSFT", "csv", MONDAY, MONDAY, 1, "info", "daily_bars"),
    ]
    first = told.filter(check="volume_missing", symbol="AAPL", source="csv", first=MONDAY)["detail"].item()
    assert first == "The volume is unknown. First: 2024-03-04 open 10.0 high 10.1 low 9.9 close 10.0 volume null"


def test_no_flaws_no_findings() -> None:
    """Rows in order, and no rows at all, tell nothing."""
    for rows in (checked(), checked(bar(MONDAY))):
        assert bar_findings(rows, won(rows)).equals(FINDINGS.empty())


def test_hard_flaw_is_open_until_its_session_has_a_bar() -> None:
    """A refused row stays an open finding as long as nothing is published for its session."""
    refused = bar(MONDAY, high=9.0, low=11.0)
    alone = checked(refused)
    [one] = found(alone, won(alone), "high_below_low")
    assert (one["detected_at"], one["resolved_at"], one["resolved_by"]) == (received(0), None, None)
    cured = checked(refused, bar(MONDAY, at=7))
    [one] = found(cured, won(cured), "high_below_low")
    assert (one["batch_id"], one["resolved_at"], one["resolved_by"]) == (
        "batch-csv-0000",
        received(7),
        "batch-csv-0007",
    )


def test_soft_flaw_is_open_while_the_winner_carries_it() -> None:
    """A flaw of the bar that is published is open; told again it counts as repeated; a better version cures it."""
    flawed = [bar(MONDAY, at=at, volume=None) for at in (0, 5)]
    rows = checked(*flawed)
    [one] = found(rows, won(rows), "volume_missing")
    assert (one["detected_at"], one["repeated"], one["resolved_by"]) == (received(0), 1, None)
    rows = checked(*flawed, bar(MONDAY, at=9))
    [one] = found(rows, won(rows), "volume_missing")
    assert (one["repeated"], one["resolved_at"], one["resolved_by"]) == (1, received(9), "batch-csv-0009")


def test_flaw_of_a_source_that_was_not_chosen_is_cured_by_the_one_that_was() -> None:
    """What the published bar does not suffer from is no open finding."""
    rows = checked(bar(MONDAY, source="yahoo", volume=None, at=4), bar(MONDAY))
    [one] = found(rows, won(rows), "volume_missing")
    assert (one["source"], one["resolved_by"], one["resolved_at"]) == ("yahoo", "batch-csv-0000", received(4))


def test_disagreement_is_open_while_the_bar_is_disputed() -> None:
    """A source that disagrees is an open finding until two sources agree on the session."""
    gold, other = series(steady(60), source="a"), series(steady(60), source="b")
    off = other.with_columns(close=pl.when(pl.int_range(60) == 30).then(pl.col("close") * 1.02).otherwise("close"))
    rows = pl.concat([gold, off]).sort("symbol", "date", "source")
    rows = check_series(rows, bar_context(gold, USUAL), USUAL)
    for status, cured in (("disputed", None), ("confirmed", "batch-a")):
        [one] = found(rows, won(rows, "a", status), "source_disagreement")
        assert (one["source"], one["first"], one["resolved_by"]) == ("b", gold["date"][30], cured)


def test_move_that_another_source_bears_out_is_not_open() -> None:
    """
    A return that is hard to believe is open while one source tells it alone; the batch of another that agrees cures it.
    """
    jump = pl.when(pl.int_range(60) >= 40).then(1.4).otherwise(1.0)
    prices = [pl.col(name) * jump for name in ("open", "high", "low", "close")]
    alone, other = (series(steady(60), source=name).with_columns(prices) for name in ("a", "b"))
    for told, status, cured in ((alone, "single", None), (pl.concat([alone, other]), "confirmed", "batch-b")):
        rows = check_series(told.sort("symbol", "date", "source"), bar_context(alone, USUAL), USUAL)
        [one] = [each for each in found(rows, won(rows, "a", status), "return_outlier") if each["source"] == "a"]
        assert (one["first"], one["resolved_by"]) == (alone["date"][40], cured)


def test_row_on_a_day_without_session_is_a_fact_and_never_open() -> None:
    """Nobody lacks a bar of a Saturday: that one was told is settled with the batch that told it."""
    saturday = date(2024, 3, 9)
    rows = checked(bar(saturday), bar(saturday, at=5), bar(MONDAY))
    (told,) = found(rows, won(rows), "not_a_session")
    assert (told["first"], told["repeated"]) == (saturday, 1)
    assert told["resolved_at"] == received(5)
    assert told["resolved_by"] == "batch-csv-0005"


def test_refused_row_is_told_by_what_refused_it_alone() -> None:
    """A bar that is refused for its high below the low is no second time told for its open outside of both."""
    rows = checked(bar(MONDAY, 10.0, high=9.0, low=11.0))
    codes = bar_findings(rows, won(rows))["check"].to_list()
    assert codes == ["high_below_low"]
