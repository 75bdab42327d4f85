"""Polygon's form: pages, stamps, filters and refusals as the vendor has them, and our source reads the truth back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import orjson
import polars as pl
import pytest

from gym.minutes import minutes
from gym.polygon import Polygon, number
from gym.truth import REUSED, Truth
from gym.wire import Ask, Reply
from marketkeep.calendars import XNYS
from marketkeep.errors import PayloadRefused
from marketkeep.model import RAW_TABLES, Payload, Query, Request
from marketkeep.sources.polygon import Polygon as Source

SOURCE = Source()
KEY = {"authorization": "Bearer gym-key-polygon"}
EVENING = datetime(2025, 1, 1, 3, tzinfo=UTC)
LAST = date(2024, 12, 31)
PRICES = ("open", "high", "low", "close", "volume")


@pytest.fixture(scope="module")
def truth() -> Truth:
    """Sixty symbols over three years."""
    return Truth(symbols=60, years=3)


@pytest.fixture(scope="module")
def vendor(truth: Truth) -> Polygon:
    """A Polygon over it."""
    return Polygon(truth)


def ask(
    address: str, now: datetime = EVENING, variant: str | None = None, headers: dict[str, str] | None = None
) -> Ask:
    """What the vendor is asked by an address."""
    parts = urlsplit(address)
    params = dict(parse_qsl(parts.query))
    return Ask(parts.netloc, parts.path, params, now.timestamp(), KEY if headers is None else headers, variant)


def told(reply: Reply | None) -> tuple[int, dict]:
    """Status and object of an answer."""
    assert reply is not None
    return reply.status, orjson.loads(reply.body)


def walk(vendor: Polygon, query: Query) -> tuple[dict[str, pl.DataFrame], int]:
    """All rows of a query by dataset, every page followed, and the number of calls."""
    waiting, frames, calls = SOURCE.plan(query), {}, 0
    while waiting:
        request = waiting.pop(0)
        reply = vendor.answer(ask(request.full_url, query.now))
        payload = Payload(reply.status, (), reply.body, query.now)
        calls += 1
        for name, frame in SOURCE.parse(request, payload).items():
            whole = frame.with_columns(payload=pl.lit(calls, dtype=pl.UInt32))
            frames.setdefault(name, []).append(RAW_TABLES[name].conform(whole))
        following = SOURCE.next_page(request, payload)
        if following is not None:
            assert (following.symbols, following.start, following.end) == (request.symbols, request.start, request.end)
            waiting.insert(0, following)
    return {name: pl.concat(parts) for name, parts in frames.items()}, calls


def since(truth: Truth, symbol: str) -> date:
    """From when on rows lie under a symbol: its rename, if it had another ticker before."""
    return truth.security(symbol).renamed_on or date.min


def bars_of(truth: Truth, symbols: tuple[str, ...], start: date, end: date) -> pl.DataFrame:
    """The truth's bars of symbols in [start, end), of renamed ones those under the present ticker."""
    whole = {s: truth.bars(s).filter(pl.col("date") >= since(truth, s)) for s in symbols}
    frames = [bars.select(pl.lit(s).alias("symbol"), "date", *PRICES) for s, bars in whole.items()]
    return pl.concat(frames).filter(pl.col("date").is_between(start, end, closed="left")).sort("symbol", "date")


# --- what comes back is the truth ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("start", "calls"), [(date(2024, 12, 16), 11), (date(2022, 1, 3), 61)])
def test_daily_bars_are_the_truth(truth: Truth, vendor: Polygon, start: date, calls: int) -> None:
    """Few sessions come whole-market, many per ticker and today's apart; either way each bar is what was traded."""
    query = Query("daily_bars", truth.symbols, start, LAST + timedelta(days=1), EVENING)
    frames, made = walk(vendor, query)
    got = frames["daily_bars"].select("symbol", "date", *PRICES).sort("symbol", "date")
    assert got.equals(bars_of(truth, truth.symbols, start, query.end))
    assert made == calls


def test_minute_bars_are_the_truth(truth: Truth, vendor: Polygon) -> None:
    """Over a half day and a change of the clocks: the same minutes, with their session, and none made up."""
    for start, end in ((date(2024, 11, 27), date(2024, 12, 3)), (date(2024, 3, 7), date(2024, 3, 13))):
        for symbol in truth.symbols[:3]:
            frames, _ = walk(vendor, Query("minute_bars", (symbol,), start, end, EVENING))
            days = [start + timedelta(days=n) for n in range((end - start).days)]
            history = truth.history(symbol)
            whole = pl.concat([minutes(history, day).with_columns(date=pl.lit(day)) for day in days])
            got = frames["minute_bars"].with_columns(ts=pl.col("ts").dt.epoch("s"), trades="trade_count")
            assert got.select(whole.columns).equals(whole), symbol


def test_regular_minutes_add_up_to_the_day(truth: Truth, vendor: Polygon) -> None:
    """Trap 25: prints outside regular hours are in the minute bars and not in the day's high, low and volume."""
    day, beyond = date(2024, 11, 29), 0
    opens, closes = (at(day) for at in (XNYS.session_open, XNYS.session_close))
    for symbol in (one for one in truth.symbols[:12] if day in truth.bars(one)["date"]):
        window = ((symbol,), day, day + timedelta(days=1), EVENING)
        (bar,) = walk(vendor, Query("daily_bars", *window))[0]["daily_bars"].select(PRICES).rows()
        bars = walk(vendor, Query("minute_bars", *window))[0]["minute_bars"]
        regular = bars.filter(pl.col("ts").is_between(opens, closes, closed="left"))
        whole = (regular["open"][0], regular["high"].max(), regular["low"].min(), regular["close"][-1])
        assert (*whole, regular["volume"].sum()) == bar, symbol
        beyond += bars["high"].max() > bar[1] or bars["low"].min() < bar[2]
    assert beyond


@pytest.mark.parametrize("count", [1, 60])
def test_actions_are_the_truth(truth: Truth, vendor: Polygon, count: int) -> None:
    """Per ticker or for the whole market: exact ratios, amounts as paid."""
    symbols = truth.symbols[:count]
    query = Query("actions", symbols, date(2022, 1, 1), date(2025, 1, 1), EVENING)
    frames, calls = walk(vendor, query)
    names = ["symbol", "ex_date", "kind", "numerator", "denominator", "amount"]
    told = {s: truth.actions(s).filter(pl.col("ex_date") >= since(truth, s)) for s in symbols}
    expected = pl.concat([rows.select(pl.lit(s).alias("symbol"), *names[1:]) for s, rows in told.items()])
    expected = expected.filter(pl.col("ex_date") >= query.start).sort(names[:3])
    assert frames["actions"].select(names).sort(names[:3]).equals(expected)
    assert expected.height > 3
    assert calls == 2


@pytest.mark.parametrize("formerly", [True, False])
def test_trap_11_each_ticker_has_its_own_days(truth: Truth, vendor: Polygon, formerly: bool) -> None:
    """A former ticker keeps its rows up to the rename and the new one begins there, whenever they are asked for."""
    one = next(iter(truth.renames.values()))
    assert one.formerly
    assert one.renamed_on
    ticker = one.formerly if formerly else one.symbol
    query = Query("daily_bars", (ticker,), date(2022, 1, 3), LAST, EVENING)
    got = walk(vendor, query)[0]["daily_bars"]
    days = truth.bars(one.symbol).filter(pl.col("date").is_between(query.start, LAST, closed="left"))["date"]
    assert got["date"].to_list() == [day for day in days if (day < one.renamed_on) == formerly]
    market = Query(
        "daily_bars", ("NA", one.symbol, one.formerly), one.renamed_on - timedelta(5), one.renamed_on, EVENING
    )
    assert set(walk(vendor, market)[0]["daily_bars"]["symbol"]) == {"NA", one.formerly}
    paid = Query("actions", (ticker,), date(2022, 1, 3), LAST, EVENING)
    told = walk(vendor, paid)[0]["actions"]["ex_date"]
    ex_dates = [one.ex_date for one in truth.history(one.symbol).actions if query.start <= one.ex_date < LAST]
    assert sorted(told) == [day for day in ex_dates if (day < one.renamed_on) == formerly]


def test_trap_30_a_reused_ticker_has_both_holders(truth: Truth, vendor: Polygon) -> None:
    """Under one ticker lie the days of its first holder and then those of its second."""
    got = walk(vendor, Query("daily_bars", (REUSED,), date(2022, 1, 3), LAST, EVENING))[0]["daily_bars"]
    both = pl.concat([one.frame() for one in truth.reused_history])
    assert got["date"].to_list() == [day for day in both["date"] if date(2022, 1, 3) <= day < LAST]
    assert got["close"].to_list() == both.filter(pl.col("date").is_in(got["date"].implode()))["close"].to_list()


# --- the form --------------------------------------------------------------------------------------------------------


def test_adjusted_bars_are_todays_shares(truth: Truth, vendor: Polygon) -> None:
    """Trap 21: adjusted for splits unless told otherwise, prices and volume; our source refuses them."""
    symbol = next(s for s in truth.symbols if any(a.ratio for a in truth.history(s).actions))
    address = f"https://api.polygon.io/v2/aggs/ticker/{symbol}/range/1/day/2021-01-01/2024-12-31?limit=50000"
    _, root = told(vendor.answer(ask(address)))
    ratio = truth.history(symbol).ratio_after(LAST)
    assert root["adjusted"] is True
    assert [bar["c"] for bar in root["results"]] == pytest.approx((truth.bars(symbol)["close"] / ratio).to_list())
    assert [bar["v"] for bar in root["results"]] == pytest.approx((truth.bars(symbol)["volume"] * ratio).to_list())


def test_daily_stamps_are_midnights_and_closes(vendor: Polygon) -> None:
    """Trap 20: one ticker's days are stamped at midnight in New York, 04:00 or 05:00 UTC; the market's at the close."""
    address = "https://api.polygon.io/v2/aggs/ticker/NA/range/1/day/2024-03-08/2024-03-11?adjusted=false"
    _, root = told(vendor.answer(ask(address)))
    assert [datetime.fromtimestamp(bar["t"] / 1000, UTC).hour for bar in root["results"]] == [5, 4]
    grouped = "https://api.polygon.io/v2/aggs/grouped/locale/us/market/stocks/2024-11-29?adjusted=false"
    _, root = told(vendor.answer(ask(grouped)))
    assert {datetime.fromtimestamp(bar["t"] / 1000, UTC).hour for bar in root["results"]} == {18}


@pytest.mark.parametrize("sort", ["asc", "desc"])
def test_pages_hold_every_bar_once(truth: Truth, vendor: Polygon, sort: str) -> None:
    """Trap 22: 5,000 a page unless told otherwise, `next_url` without the key and with an opaque cursor."""
    address = f"https://api.polygon.io/v2/aggs/ticker/NA/range/1/day/2021-01-01/2024-12-31?adjusted=false&sort={sort}"
    address, stamps, pages = f"{address}&limit=100&apiKey=gym-key-polygon", [], 0
    while address:
        _, root = told(vendor.answer(ask(address)))
        assert "gym-key" not in root.get("next_url", "")
        assert root["adjusted"] is False
        stamps += [bar["t"] for bar in root["results"]]
        address, pages = root.get("next_url"), pages + 1
    assert pages == 8
    assert stamps == sorted(stamps, reverse=sort == "desc")
    assert len(set(stamps)) == len(stamps) == truth.bars("NA").height


def test_actions_are_filtered_and_paged(vendor: Polygon) -> None:
    """`ticker`, `.gte` and the others, `sort`, `order` and `limit` hold over all pages."""
    base = "https://api.massive.com/v3/reference/dividends"
    address = f"{base}?ex_dividend_date.gte=2024-01-01&ex_dividend_date.lt=2024-07-01&limit=7&order=asc"
    days, pages = [], 0
    while address:
        _, root = told(vendor.answer(ask(address)))
        days += [row["ex_dividend_date"] for row in root["results"]]
        address, pages = root.get("next_url"), pages + 1
    assert days == sorted(days)
    assert pages == -(-len(days) // 7) > 3
    assert {day[:4] for day in days} == {"2024"}
    assert max(days) < "2024-07-01"
    _, one = told(vendor.answer(ask(f"{base}?ticker=NA&ex_dividend_date.gt={days[0]}&limit=1000")))
    assert {row["ticker"] for row in one["results"]} <= {"NA"}


def test_only_what_is_known_now(vendor: Polygon) -> None:
    """No bar before it began, no action before its ex-date; a session under way is partial."""
    noon = datetime(2024, 6, 14, 16, tzinfo=UTC)
    address = "https://api.polygon.io/v2/aggs/ticker/TRUE/range/1/day/2024-06-10/2024-06-20?adjusted=false"
    _, root = told(vendor.answer(ask(address, noon)))
    _, later = told(vendor.answer(ask(address)))
    assert len(root["results"]) == 5
    assert root["results"][:4] == later["results"][:4]
    assert root["results"][4]["v"] < later["results"][4]["v"]
    minute = (
        "https://api.polygon.io/v2/aggs/ticker/TRUE/range/1/minute/2024-06-14/2024-06-14?adjusted=false&limit=50000"
    )
    _, root = told(vendor.answer(ask(minute, noon)))
    assert max(bar["t"] for bar in root["results"]) / 1000 <= noon.timestamp() - 60
    _, root = told(vendor.answer(ask("https://api.polygon.io/v3/reference/splits?limit=1000", noon)))
    assert max(row["execution_date"] for row in root["results"]) <= "2024-06-14"
    early = datetime(2024, 6, 14, 11, tzinfo=UTC)
    grouped = "https://api.polygon.io/v2/aggs/grouped/locale/us/market/stocks/2024-06-14?adjusted=false"
    assert "results" not in told(vendor.answer(ask(grouped, early)))[1]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (63896155.0, "6.3896155e+07"),
        (112117471.0, "1.12117471e+08"),
        (2e7, "2e+07"),
        (954300.0, "954300"),
        (0.5, "0.5"),
    ],
)
def test_numbers_have_exponents(value: float, text: str) -> None:
    """Trap 61: a volume from ten million on is written as 6.3896155e+07."""
    assert number(value) == text
    assert orjson.loads(text) == value


# --- refusals --------------------------------------------------------------------------------------------------------


def fault(vendor: Polygon, query: Query, variant: str | None = None, headers: dict[str, str] | None = None) -> str:
    """The code our source refuses the first answer to a query with."""
    request = SOURCE.plan(query)[0]
    reply = vendor.answer(ask(request.full_url, query.now, variant, headers))
    with pytest.raises(PayloadRefused) as caught:
        SOURCE.parse(request, Payload(reply.status, (), reply.body, query.now))
    return caught.value.fault


ONE = Query("daily_bars", ("NA",), date(2024, 1, 2), date(2024, 12, 1), EVENING)
WHOLE = Query("daily_bars", ("NA", "TRUE"), date(2024, 1, 2), date(2024, 1, 3), EVENING)
PAID = Query("actions", ("NA",), date(2024, 1, 2), date(2024, 12, 1), EVENING)


@pytest.mark.parametrize(
    ("query", "variant", "code"),
    [
        *((query, code, code) for query in (ONE, WHOLE, PAID) for code in ("quota", "bad_key", "plan_limit")),
        (ONE, "empty", "empty"),
        (WHOLE, "empty", "empty"),
        (ONE, "wrong_symbol", "wrong_symbol"),
        (WHOLE, "wrong_symbol", "wrong_session"),
        (PAID, "wrong_symbol", "wrong_symbol"),
        (ONE, "not_found", "not_found"),
        (PAID, "not_found", "not_found"),
    ],
)
def test_misbehaviour_is_refused(vendor: Polygon, query: Query, variant: str, code: str) -> None:
    """Each of the vendor's own misbehaviours is known for what it is."""
    assert fault(vendor, query, variant) == code


def test_duplicates_change_nothing(truth: Truth, vendor: Polygon) -> None:
    """Trap 23: an action told twice counts once; a bar told twice is delivered twice, and the same."""
    request = SOURCE.plan(Query("actions", ("BRK.B",), date(2022, 1, 2), date(2024, 12, 1), EVENING))[0]
    frames = []
    for variant in (None, "duplicates"):
        reply = vendor.answer(ask(request.full_url, variant=variant))
        frames.append(SOURCE.parse(request, Payload(200, (), reply.body, EVENING))["actions"])
    assert frames[0].equals(frames[1])
    assert frames[0].height
    request = SOURCE.plan(ONE)[0]
    reply = vendor.answer(ask(request.full_url, variant="duplicates"))
    bars = SOURCE.parse(request, Payload(200, (), reply.body, EVENING))["daily_bars"]
    assert bars.unique().height == bars.height - 3


def test_keys_are_checked(vendor: Polygon) -> None:
    """No key and a wrong one are a 401 in either place; the right one is taken from the header or the address."""
    assert fault(vendor, ONE, headers={}) == "bad_key"
    assert fault(vendor, ONE, headers={"authorization": "Bearer other"}) == "bad_key"
    address = SOURCE.plan(ONE)[0].full_url
    assert vendor.answer(ask(f"{address}&apiKey=gym-key-polygon", headers={})).status == 200


def test_a_free_plan_reaches_two_years_back_and_to_yesterday(truth: Truth) -> None:
    """Trap 26: 403 for what lies before, only the rest where the window begins before; nothing of today."""
    free = Polygon(truth, reach_days=365, end_of_day=True)
    old = Query("daily_bars", ("NA",), date(2023, 1, 3), date(2023, 12, 1), EVENING)
    assert fault(free, old) == "plan_limit"
    assert fault(free, Query("daily_bars", truth.symbols, date(2023, 1, 3), date(2023, 1, 4), EVENING)) == "plan_limit"
    assert fault(free, Query("daily_bars", truth.symbols, LAST, LAST + timedelta(days=1), EVENING)) == "not_yet"
    assert fault(free, Query("minute_bars", ("NA",), LAST, LAST + timedelta(days=1), EVENING)) == "not_yet"
    reply = free.answer(ask(SOURCE.plan(Query("daily_bars", ("NA",), date(2023, 1, 3), LAST, EVENING))[0].full_url))
    first = orjson.loads(reply.body)["results"][0]["t"]
    assert datetime.fromtimestamp(first / 1000, UTC).date() == date(2024, 1, 2)


def test_a_ticker_that_nobody_has_is_empty(vendor: Polygon) -> None:
    """An unknown ticker is a 200 without results; a path that is none is a 400; other paths are not Polygon's."""
    assert fault(vendor, Query("daily_bars", ("ZZZZ",), date(2024, 1, 2), date(2024, 2, 1), EVENING)) == "empty"
    for path in ("/v2/aggs/ticker/NA/range/1/week/2024-01-01/2024-02-01", "/v2/aggs/ticker/NA/range/1/day/soon/later"):
        assert vendor.answer(ask(f"https://api.polygon.io{path}")).status == 400
    assert vendor.answer(ask("https://api.polygon.io/v2/aggs/ticker/NA")).status == 400
    assert vendor.answer(ask("https://api.polygon.io/v1/marketstatus/now")) is None


def test_keys_of_requests(vendor: Polygon) -> None:
    """Faults and counts go by the ticker, the session, or the list."""
    host = "https://api.polygon.io"
    addresses = {
        f"{host}/v2/aggs/ticker/BRK.B/range/1/day/2024-01-01/2024-01-02": "BRK.B",
        f"{host}/v2/aggs/grouped/locale/us/market/stocks/2024-01-02": "grouped 2024-01-02",
        f"{host}/v3/reference/splits?ticker=NA": "NA",
        f"{host}/v3/reference/dividends": "dividends",
        f"{host}/v3/reference/tickers": None,
    }
    assert {address: vendor.key_of(ask(address)) for address in addresses} == addresses


def test_the_probe_is_answered(vendor: Polygon) -> None:
    """The last finished session's bar of a ticker, stamped at its close."""
    probe = SOURCE.probe(EVENING)
    request = Request(probe.source, probe.dataset, probe.url.replace("SPY", "NA"), probe.params, ("NA",))
    reply = vendor.answer(ask(request.full_url))
    assert SOURCE.parse(request, Payload(200, (), reply.body, EVENING))["daily_bars"]["date"].to_list() == [LAST]
