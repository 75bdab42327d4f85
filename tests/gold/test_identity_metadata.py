"""Ticker metadata: class, priority, following and what is held, from statements and directories."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from gold.told import Row, changes, company, directory, of, stated, tables, tickers

MON, TUE, WED = (date(2024, 6, 3) + timedelta(days=n) for n in range(3))
ACME = "Acme Holdings, Inc. - Common Stock"
FUNDS = {
    "SPY": "SPDR S&P 500",
    "TLT": "iShares 20+ Year Treasury Bond ETF",
    "MUB": "iShares National Muni Bond ETF",
    "BIL": "SPDR Bloomberg 1-3 Month T-Bill ETF",
    "FIXD": "First Trust Smith Opportunistic Fixed Income ETF",
    "JBND": "JPMorgan Active Bond ETF",
}


def told(symbol: str, old: str, new: str | None, day: date, source: str = "lean") -> Row:
    """A row of ticker history as a file tells it."""
    names = {"symbol": symbol, "old_symbol": old, "new_symbol": new, "effective_date": day}
    return {**names, "source": source, "batch_id": "b"}


def test_class_of_funds_is_told_by_their_names() -> None:
    """A fund is an etf, and of class bond where its name says bond, treasury, fixed income, municipal or T-bill."""
    securities, _ = tables([directory(MON, FUNDS | {"BOND": ACME}, etfs=FUNDS)])
    classes = dict(securities.select("symbol", "asset_class").iter_rows())
    assert classes == {"SPY": "etf", **dict.fromkeys(list(FUNDS)[1:], "bond"), "BOND": "equity"}
    priorities = dict(securities.select("symbol", "priority").iter_rows())
    assert (priorities["SPY"], priorities["TLT"], priorities["BOND"]) == ("medium", "low", "medium")


@pytest.mark.parametrize(
    ("symbol", "more", "want"),
    [
        ("BTC-USD", {"asset_class": "crypto"}, ("crypto", "low")),
        ("^GSPC", {"asset_class": "index"}, ("index", "medium")),
        ("AAPL", {}, ("equity", "medium")),
        ("AAPL", {"priority": "high"}, ("equity", "high")),
        ("SPY", {"priority": "high"}, ("etf", "high")),
        ("SPY", {"asset_class": "bond"}, ("bond", "low")),
    ],
)
def test_statement_comes_first(symbol: str, more: dict[str, Any], want: tuple[str, str]) -> None:
    """What a user states holds; plain equity is what any ticker looks like and yields to the directory."""
    securities, _ = tables([directory(MON, FUNDS, etfs=FUNDS)], statements=[stated(symbol, MON, **more)])
    row = of(securities, symbol)
    assert (row["asset_class"], row["priority"]) == want
    assert row["followed"]


def test_later_statement_leaves_what_it_does_not_say() -> None:
    """Following is as stated last; a priority stands until another is stated."""
    statements = [stated("AAPL", MON, priority="high"), stated("AAPL", TUE, followed=False, first_session=MON)]
    row = of(tables([], statements=statements)[0], "AAPL")
    assert (row["followed"], row["priority"], row["start"]) == (False, "high", MON)


def test_held_bars_make_a_row() -> None:
    """A symbol with bars is known, from first to last bar, though nobody stated or listed it."""
    row = of(tables([], held=[("AAPL", MON, WED)])[0], "AAPL")
    assert (row["first_session"], row["last_session"], row["followed"], row["active"]) == (MON, WED, False, True)


def test_following_goes_along_with_a_rename() -> None:
    """The new ticker is followed as the old one was; the old one has no row of its own, because nobody has it."""
    days = [directory(MON, {"ACME": ACME}), directory(TUE, {"AXME": ACME})]
    statements = [stated("ACME", MON, priority="high", first_session=date(2020, 1, 2))]
    securities, history = tables(days, statements=statements)
    assert changes(history) == [("ACME", "AXME", TUE)]
    new = of(securities, "AXME")
    assert securities["symbol"].to_list() == ["AXME"]
    assert (new["security_id"], new["delisting_date"]) == ("ACME", None)
    assert (new["followed"], new["priority"], new["start"], new["active"]) == (True, "high", date(2020, 1, 2), True)


def test_statement_about_the_new_ticker_wins() -> None:
    """Who stops following the new ticker stops following the security."""
    days = [directory(MON, {"ACME": ACME}), directory(TUE, {"AXME": ACME})]
    statements = [stated("ACME", MON), stated("AXME", WED, followed=False)]
    assert not of(tables(days, statements=statements)[0], "AXME")["followed"]


def test_delisted_symbol_stays_known() -> None:
    """A followed symbol that is delisted keeps its wish and its bars, but is not active."""
    days = [directory(MON, {"ACME": ACME, "B": "B Co"}), directory(TUE, {"B": "B Co"}), directory(WED, {"B": "B Co"})]
    row = of(tables(days, statements=[stated("ACME", MON)], held=[("ACME", MON, MON)])[0], "ACME")
    assert (row["followed"], row["active"], row["delisting_date"], row["last_session"]) == (True, False, TUE, MON)


def test_empty_answers_delist_nobody() -> None:
    """Trap 8: a followed symbol that no directory ever had, such as one traded over the counter, stays active."""
    days = [directory(day, {"B": "B Co"}) for day in (MON, TUE, WED)]
    securities, history = tables(days, statements=[stated("NSRGY", MON)])
    assert of(securities, "NSRGY")["active"]
    assert history.is_empty()


def test_form_tells_of_a_symbol_that_no_directory_had() -> None:
    """Without a directory of its days, a Form 25 counts when the SEC knows no listing of the ticker since."""
    sec = [tickers(MON, {"ACME": (7, "Acme")})]
    wish, filed = [stated("ACME", MON)], [(7, "25-NSE", TUE)]
    gone = tables(sec, statements=wish, filings=filed, companies=[company(7, "Acme", [], asked=WED)])[0]
    row = of(gone, "ACME")
    assert (row["active"], row["delisting_date"], row["delisting_reason"]) == (False, WED, "form_25")
    moved = tables(sec, statements=wish, filings=filed, companies=[company(7, "Acme", ["ACME"], asked=WED)])[0]
    assert of(moved, "ACME")["active"]


def test_history_told_by_a_file_is_kept_and_not_told_twice() -> None:
    """A map file's day of a rename stands; the directory that shows the same later adds nothing."""
    days = [directory(MON, {"ACME": ACME}), directory(WED, {"AXME": ACME})]
    _, history = tables(days, history=[told("AXME", "ACME", "AXME", TUE)])
    assert history.select("old_symbol", "new_symbol", "effective_date", "source").rows() == [
        ("ACME", "AXME", TUE, "lean")
    ]


def test_delisting_told_by_a_file_holds_where_no_directory_speaks() -> None:
    """A map file that ends is believed, unless bars go on behind it or the directory lists the ticker."""
    ended = [told("ACME", "ACME", None, TUE)]
    row = of(tables([], history=ended, held=[("ACME", date(2020, 1, 2), MON)])[0], "ACME")
    assert (row["active"], row["delisting_date"], row["delisting_reason"]) == (False, TUE, None)
    assert of(tables([], history=ended, held=[("ACME", date(2020, 1, 2), WED)])[0], "ACME")["active"]
    assert of(tables([directory(WED, {"ACME": ACME})], history=ended)[0], "ACME")["active"]


def test_rename_told_by_a_file_takes_the_wish_along() -> None:
    """A statement about an old ticker means who had it last, before its rename or after, until another takes it."""
    renamed = [told("AXME", "ACME", "AXME", TUE)]
    for day in (MON, WED):
        securities, _ = tables([], statements=[stated("ACME", day)], history=renamed)
        assert securities["symbol"].to_list() == ["AXME"]
        assert of(securities, "AXME")["followed"]
    taken = [directory(TUE, {"AXME": ACME}), directory(WED, {"AXME": ACME, "ACME": "Beta Corp."})]
    securities, _ = tables(taken, statements=[stated("ACME", WED)], history=renamed)
    assert of(securities, "ACME")["followed"]
    assert not of(securities, "AXME")["followed"]


def test_issuer_is_filled_from_the_sec() -> None:
    """A stated symbol that the directory lacks gets name, exchange and number from the SEC's list."""
    row = of(tables([tickers(MON, {"NSRGY": (9, "Nestle")})], statements=[stated("NSRGY", MON)])[0], "NSRGY")
    assert (row["name"], row["cik"]) == ("Nestle", 9)
