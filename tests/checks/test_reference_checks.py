"""What cannot be right about securities and tickers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import polars as pl
import pytest

from marketkeep.checks.reference import reference_issues
from marketkeep.model import ISSUES, SECURITIES, TICKERS

TODAY = date(2025, 6, 2)


def security(symbol: str, **told: Any) -> dict[str, Any]:
    """A followed, listed stock, but for what is told."""
    return {
        "security_id": symbol,
        "symbol": symbol,
        "name": f"{symbol} Inc. Common Stock",
        "exchange": "NYSE",
        "asset_class": "equity",
        "priority": "medium",
        "followed": True,
        "active": True,
        **told,
    }


def found(
    *rows: dict[str, Any], tickers: pl.DataFrame | None = None, today: date | None = TODAY
) -> list[tuple[str, str]]:
    """Check and symbol of what is found."""
    table = SECURITIES.conform(pl.DataFrame(list(rows), schema_overrides=SECURITIES.schema))
    told = reference_issues(table, TICKERS.empty() if tickers is None else tickers, today)
    assert dict(told.schema) == ISSUES.schema
    return told.select("check", "symbol").rows()


def test_listed_securities_are_right() -> None:
    """Listed stocks, and what no directory lists by its nature, are right."""
    pair = security("BTC-USD", asset_class="crypto", exchange=None)
    index = security("^GSPC", asset_class="index", exchange=None)
    assert found(security("A"), pair, index) == []


def test_followed_but_in_no_directory() -> None:
    """A symbol that is followed and in no directory is told, unless the keep has no directory at all."""
    assert found(security("A"), security("AAPLE", exchange=None)) == [("unlisted", "AAPLE")]
    assert found(security("AAPLE", exchange=None)) == []
    gone = security("OLD", exchange=None, active=False, delisting_date=date(2020, 1, 2))
    assert found(security("A"), gone) == []


@pytest.mark.parametrize(("last", "told"), [(date(2024, 3, 20), False), (date(2024, 4, 2), True)])
def test_bars_that_go_on_behind_a_delisting(last: date, *, told: bool) -> None:
    """A bar a month behind a delisting is told; days are the form's being filed around the last session."""
    gone = security("A", active=False, delisting_date=date(2024, 3, 1), last_session=last)
    assert found(gone) == ([("bars_after_delisting", "A")] if told else [])


def test_gone_quiet() -> None:
    """Active by default only: unlisted, not followed, and months without a bar; nothing is told without a day."""
    old = security("Q", exchange=None, followed=False, last_session=date(2025, 1, 2))
    assert found(security("A"), old) == [("gone_quiet", "Q")]
    assert found(security("A"), old, today=None) == []
    assert found(old) == []
    assert found(security("A"), {**old, "last_session": date(2025, 5, 2)}) == []


def test_one_security_under_two_symbols() -> None:
    """The same issuer, class and name twice is told; classes and funds of one issuer are not (trap 32)."""
    first = security("ABC", cik=1, share_class="A", name="Abc Inc. Class A")
    assert found(first, {**first, "symbol": "ABC.A"}) == [("security_twice", "ABC")]
    assert found(first, {**first, "symbol": "ABD", "share_class": "B", "name": "Abc Inc. Class B"}) == []
    assert found(first, {**first, "symbol": "ABC.A", "active": False}) == []
    fund = security("FND", cik=2, asset_class="etf", name="One fund")
    assert found(fund, {**fund, "symbol": "FNE"}) == []


def tickers(*rows: tuple[str, str | None, str | None, str]) -> pl.DataFrame:
    """Ticker, from, to and security of each."""
    told = [
        {"ticker": ticker, "from": start, "to": end, "security_id": who, "symbol": who}
        for ticker, start, end, who in rows
    ]
    dated = pl.DataFrame(told, schema_overrides={"from": pl.String, "to": pl.String})
    return TICKERS.conform(dated.with_columns(pl.col("from", "to").str.to_date()))


def test_trap_30_a_ticker_has_one_holder_at_a_time() -> None:
    """Two securities with one ticker on the same days are an error; one after the other is what tickers do."""
    after = tickers(("T", None, "2015-01-02", "OLD"), ("T", "2015-01-02", None, "T"))
    assert found(security("A"), tickers=after) == []
    at_once = tickers(("T", None, "2015-01-05", "OLD"), ("T", "2015-01-02", None, "T"))
    assert found(security("A"), tickers=at_once) == [("ticker_collision", "OLD")]
    table = SECURITIES.conform(pl.DataFrame([security("A")], schema_overrides=SECURITIES.schema))
    [hit] = reference_issues(table, at_once, None).rows(named=True)
    assert (hit["first"], hit["last"], hit["severity"]) == (date(2015, 1, 2), date(2015, 1, 5), "error")
    assert isinstance(hit["detected_at"], datetime | None)
