"""The gym's directory and the SEC's list: the real files' forms, and what our sources read of them is the truth."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit

import polars as pl
import pytest

from gym.nasdaq_trader import FOLDER, NasdaqTrader
from gym.sec_tickers import SecTickers
from gym.truth import REUSED, Truth
from gym.wire import Ask
from marketkeep.errors import PayloadRefused
from marketkeep.model import RAW_TABLES, Payload, Query, Source, Symbol
from marketkeep.sources.nasdaq_trader import NasdaqTrader as Directory
from marketkeep.sources.sec_tickers import SecTickers as Tickers

TRUTH = Truth(symbols=60, years=4)
EVENING = datetime(2024, 6, 12, 22, tzinfo=UTC)
CONTACT = {"user-agent": "marketkeep Gym gym@example.org"}


def asked(source: Source, vendor: NasdaqTrader | SecTickers, now: datetime, variant: str | None = None) -> pl.DataFrame:
    """What a source reads of the vendor's answer to its own request."""
    (request,) = source.plan(Query("listings", (), now.date(), now.date() + timedelta(days=1), now))
    where = urlsplit(request.url)
    ask = Ask(where.hostname or "", where.path, dict(request.params), now.timestamp(), CONTACT, variant)
    assert where.hostname in vendor.hosts
    assert vendor.key_of(ask)
    reply = vendor.answer(ask)
    assert reply is not None
    payload = Payload(reply.status, (), reply.body, now)
    assert source.next_page(request, payload) is None
    return source.parse(request, payload)["listings"]


def test_directory_read_back_is_the_truth_of_the_day() -> None:
    """Every security listed on a day is there under that day's ticker and name, with its exchange, and no other."""
    for now in (EVENING - timedelta(days=900), EVENING):
        told = asked(Directory(), NasdaqTrader(TRUTH), now)
        assert dict(told.schema) == RAW_TABLES["listings"].delivered
        real = told.filter(~pl.col("test_issue"))
        day = now.date()
        want = set()
        for symbol in TRUTH.symbols:
            one, profile = TRUTH.security(symbol), TRUTH.profile(symbol)
            if one.first <= day and not (one.delisted and day > one.last):
                early = one.formerly and one.renamed_on and day < one.renamed_on
                want.add((one.formerly if early else symbol, profile.etf))
        assert set(real.filter(pl.col("symbol") != REUSED).select("symbol", "etf").rows()) == want
        assert told["date"].unique().to_list() == [day]
        assert told.filter("test_issue")["symbol"].to_list() == ["ATEST.B", "NTEST", "ZBZX", "ZVZZT", "ZXIET", "ZXYZ.A"]


def test_odd_tickers_survive_the_directory() -> None:
    """Trap 63: NA, NAN, NULL, TRUE, ON and INF are tickers there as any other."""
    told = asked(Directory(), NasdaqTrader(TRUTH), EVENING)
    listed = [symbol for symbol in ("NA", "NAN", "NULL", "TRUE", "ON", "INF") if not TRUTH.security(symbol).delisted]
    assert set(listed) <= set(told["symbol"])


def test_halves_are_the_whole() -> None:
    """nasdaqlisted and otherlisted together tell what nasdaqtraded tells."""
    vendor, source = NasdaqTrader(TRUTH), Directory()
    frames = {}
    for name in ("nasdaqtraded.txt", "nasdaqlisted.txt", "otherlisted.txt"):
        reply = vendor.answer(Ask("www.nasdaqtrader.com", FOLDER + name, {}, EVENING.timestamp()))
        assert reply is not None
        frames[name] = source.parse(source.probe(EVENING), Payload(200, (), reply.body, EVENING))["listings"]
    halves = pl.concat([frames["nasdaqlisted.txt"], frames["otherlisted.txt"]]).sort("symbol")
    assert halves.equals(frames["nasdaqtraded.txt"])


def test_reused_ticker_names_its_holder_of_the_day() -> None:
    """Trap 30: the reused ticker stands there with its first holder, then not at all, then with its second."""
    first, second = TRUTH.reused[REUSED]
    days = {first.last: True, first.last + timedelta(days=30): False, second.first: True}
    names = []
    for day, there in days.items():
        told = asked(Directory(), NasdaqTrader(TRUTH), datetime(day.year, day.month, day.day, 22, tzinfo=UTC))
        mine = told.filter(pl.col("symbol") == REUSED)
        assert mine.height == there
        names += mine["name"].to_list()
    assert len(set(names)) == 2


def test_list_of_tickers_read_back_is_the_truth_of_the_day_before() -> None:
    """The SEC's list has the number of every company listed the day before; the classes of one share it (trap 32)."""
    told = asked(Tickers(), SecTickers(TRUTH), EVENING)
    assert dict(told.schema) == RAW_TABLES["listings"].delivered
    day = EVENING.date() - timedelta(days=1)
    want = {
        (symbol, TRUTH.profile(symbol).cik)
        for symbol in TRUTH.symbols
        if TRUTH.profile(symbol).cik is not None
        and TRUTH.security(symbol).first <= day
        and not (TRUTH.security(symbol).delisted and day > TRUTH.security(symbol).last)
        and not ((on := TRUTH.security(symbol).renamed_on) and day < on)
    }
    mine = told.filter(pl.col("symbol").is_in(TRUTH.symbols))
    assert set(mine.select("symbol", "cik").rows()) == want
    assert told.filter(pl.col("symbol").is_in(["BRK.B", "QAAA"]))["cik"].n_unique() == 1
    assert all(Symbol.parse(symbol).text == symbol for symbol in told["symbol"])


@pytest.mark.parametrize(("variant", "fault"), [("empty", "empty"), ("not_found", "not_found"), ("duplicates", None)])
def test_misbehaviour_of_the_directory(variant: str, fault: str | None) -> None:
    """An empty directory is no directory; one told twice is told once."""
    whole = asked(Directory(), NasdaqTrader(TRUTH), EVENING)
    if fault is None:
        assert asked(Directory(), NasdaqTrader(TRUTH), EVENING, variant).equals(whole)
        return
    with pytest.raises(PayloadRefused) as refusal:
        asked(Directory(), NasdaqTrader(TRUTH), EVENING, variant)
    assert refusal.value.fault == fault


@pytest.mark.parametrize(
    ("variant", "fault"),
    [
        ("empty", "empty"),
        ("not_found", "not_found"),
        ("wrong_symbol", "malformed"),
        ("bad_key", "bad_key"),
        ("quota", "quota"),
        ("duplicates", None),
    ],
)
def test_misbehaviour_of_the_list(variant: str, fault: str | None) -> None:
    """Each refusal of the SEC comes out as what it is; a ticker told twice is told once."""
    if fault is None:
        assert asked(Tickers(), SecTickers(TRUTH), EVENING, variant).equals(
            asked(Tickers(), SecTickers(TRUTH), EVENING)
        )
        return
    with pytest.raises(PayloadRefused) as refusal:
        asked(Tickers(), SecTickers(TRUTH), EVENING, variant)
    assert refusal.value.fault == fault


def test_a_caller_without_a_contact_gets_a_page() -> None:
    """The SEC refuses a User-Agent without a mail address; our refusal names the contact."""
    request = Tickers().probe(EVENING)
    reply = SecTickers(TRUTH).answer(Ask("www.sec.gov", urlsplit(request.url).path, {}, EVENING.timestamp(), {}))
    assert reply is not None
    with pytest.raises(PayloadRefused, match="contact"):
        Tickers().parse(request, Payload(reply.status, (), reply.body, EVENING))


def test_older_form_of_the_list_tells_the_same() -> None:
    """company_tickers.json has the same tickers and numbers, without exchanges."""
    vendor, source = SecTickers(TRUTH), Tickers()
    ask = Ask("www.sec.gov", "/files/company_tickers.json", {}, EVENING.timestamp(), CONTACT)
    reply = vendor.answer(ask)
    assert reply is not None
    told = source.parse(source.probe(EVENING), Payload(200, (), reply.body, EVENING))["listings"]
    assert told.drop("exchange").equals(asked(source, vendor, EVENING).drop("exchange"))
    assert told["date"].unique().to_list() == [date(2024, 6, 12)]
