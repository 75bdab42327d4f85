"""Identity over the gym's truth, day by day: renamed, delisted, reused and class shares come out as they were made."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from gold.told import of, tables
from gym.companies import Companies
from gym.nasdaq_trader import FOLDER, NasdaqTrader
from gym.sec_tickers import SecTickers
from gym.sessions import NEW_YORK
from gym.truth import REUSED, Truth
from gym.wire import Ask
from marketkeep.calendars import XNYS
from marketkeep.model import Payload
from marketkeep.sources.nasdaq_trader import NasdaqTrader as Directory
from marketkeep.sources.sec_tickers import SecTickers as Tickers

TRUTH = Truth(symbols=120, years=2, last=date(2024, 6, 28))
DAYS = XNYS.sessions(TRUTH.first, TRUTH.last + timedelta(days=1))
CONTACT = {"user-agent": "marketkeep Gym gym@example.org"}
LIST = "/files/company_tickers_exchange.json"
Change = tuple[str, str | None, date]


@pytest.fixture(scope="module")
def snapshots() -> dict[date, list[pl.DataFrame]]:
    """Both sources' answers of the evening of every session."""
    sources = ((Directory(), NasdaqTrader(TRUTH), f"{FOLDER}nasdaqtraded.txt"), (Tickers(), SecTickers(TRUTH), LIST))
    found: dict[date, list[pl.DataFrame]] = {}
    for day in DAYS:
        now = datetime(day.year, day.month, day.day, 20, tzinfo=NEW_YORK).astimezone(UTC)
        for source, vendor, path in sources:
            reply = vendor.answer(Ask(next(iter(vendor.hosts)), path, {}, now.timestamp(), CONTACT))
            assert reply is not None
            rows = source.parse(source.probe(now), Payload(200, (), reply.body, now))["listings"]
            lineage = {"source": source.name, "fetched_at": now, "payload": 0, "digest": "", "batch_id": ""}
            found.setdefault(day, []).append(
                rows.with_columns(pl.lit(value).alias(name) for name, value in lineage.items())
            )
    return found


def listings(snapshots: dict[date, list[pl.DataFrame]], until: date) -> list[pl.DataFrame]:
    """All answers of the sessions up to one."""
    columns = ["symbol", "name", "exchange", "etf", "test_issue", "cik", "date", "source", "fetched_at"]
    return [rows.select(columns) for day, both in snapshots.items() if day <= until for rows in both]


def after(day: date) -> date:
    """The next session."""
    return XNYS.next_session(day)


def true_changes(until: date) -> set[Change]:
    """
    The renames and delistings that directories up to a day can show.

    A new name is recognised when the SEC's list, a day behind, has the new ticker; a delisting when two directories
    lack the ticker, or it is another's again.
    """
    found: set[Change] = set()
    for symbol in TRUTH.symbols:
        one, profile = TRUTH.security(symbol), TRUTH.profile(symbol)
        if one.formerly and one.renamed_on and one.renamed_on > DAYS[0]:
            known = one.renamed_on if profile.etf else after(one.renamed_on)
            if known <= until:
                found.add((one.formerly, symbol, one.renamed_on))
        if one.delisted and after(after(one.last)) <= until:
            found.add((symbol, None, after(one.last)))
    first, _ = TRUTH.reused[REUSED]
    if after(after(first.last)) <= until:
        found.add((REUSED, None, after(first.last)))
    return found


@pytest.mark.parametrize("part", [10, 30, 50, 70, 85, 100])
def test_history_is_the_truth_as_far_as_it_can_be_known(snapshots: dict[date, list[pl.DataFrame]], part: int) -> None:
    """Trap 30, trap 32: on any day, ticker history has every rename and delisting that showed by then and no other."""
    until = DAYS[len(DAYS) * part // 100 - 1]
    _, history = tables(listings(snapshots, until))
    told = set(history.select("old_symbol", "new_symbol", "effective_date").rows())
    assert told == true_changes(until)
    if part == 100:
        assert min(len({one for one in told if one[1]}), len({one for one in told if not one[1]})) >= 5


def test_metadata_is_the_truth_of_the_last_day(snapshots: dict[date, list[pl.DataFrame]]) -> None:
    """Every security that was ever listed is there once, with its issuer, and active unless it was delisted."""
    securities, _ = tables(listings(snapshots, DAYS[-1]))
    never = {symbol for symbol in TRUTH.symbols if TRUTH.security(symbol).first > DAYS[-1]}
    former = f"{REUSED}~{TRUTH.reused[REUSED][0].last.year}"
    assert set(securities["symbol"]) == {*TRUTH.symbols, REUSED, former} - never
    assert securities["security_id"].is_unique().all()
    for symbol in set(TRUTH.symbols) - never:
        one, profile, row = TRUTH.security(symbol), TRUTH.profile(symbol), of(securities, symbol)
        gone = one.delisted and after(after(one.last)) <= DAYS[-1]
        assert (row["cik"], row["active"]) == (profile.cik, not gone), symbol
        assert row["delisting_date"] == (after(one.last) if gone else None)
        assert (row["asset_class"] == "etf") == profile.etf


def test_reused_ticker_has_its_present_holder(snapshots: dict[date, list[pl.DataFrame]]) -> None:
    """Trap 30: between its holders the ticker is delisted; later it is the second one's, with that one's issuer."""
    first, second = TRUTH.reused[REUSED]
    between = of(tables(listings(snapshots, second.first - timedelta(days=10)))[0], REUSED)
    assert (between["active"], between["delisting_date"]) == (False, after(first.last))
    securities, _ = tables(listings(snapshots, DAYS[-1]))
    now, then = of(securities, REUSED), of(securities, f"{REUSED}~{first.last.year}")
    assert now["active"]
    assert now["cik"] != between["cik"]
    assert now["name"] != between["name"]
    assert then == {**between, "symbol": then["symbol"]}
    assert (then["security_id"], now["security_id"]) == (REUSED, f"{REUSED}#2")


def test_classes_of_a_company_share_its_number(snapshots: dict[date, list[pl.DataFrame]]) -> None:
    """Trap 32: BRK.B and QAAA are two securities of one issuer."""
    securities, _ = tables(listings(snapshots, DAYS[-1]))
    assert of(securities, "BRK.B")["cik"] == of(securities, "QAAA")["cik"]
    assert of(securities, "BRK.B")["name"] != of(securities, "QAAA")["name"]


def test_forms_say_what_proves_a_delisting(snapshots: dict[date, list[pl.DataFrame]]) -> None:
    """With the filings of the gym's SEC, each delisting of a company is proven by its Form 25, at the first absence."""
    companies = Companies(TRUTH)
    filings = [
        (cik, filing.form, filing.filed)
        for cik in companies.symbols_of
        if (company := companies.company(cik)) is not None
        for filing in companies.filings(company)
        if filing.form in ("25-NSE", "15-12G")
    ]
    securities, _ = tables(listings(snapshots, DAYS[-1]), filings=filings)
    for symbol in TRUTH.symbols:
        one, profile = TRUTH.security(symbol), TRUTH.profile(symbol)
        if one.delisted and one.last < DAYS[-1]:
            row = of(securities, symbol)
            assert row["delisting_date"] == after(one.last)
            assert row["delisting_reason"] == ("directory" if profile.etf else "form_25")
