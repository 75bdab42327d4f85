"""Alpha Vantage's series: read as traded, or refused in words that hold none of the vendor's own."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkeep.errors import PayloadRefused
from marketkeep.model import BAD_KEY, EMPTY, NOT_FOUND, PLAN_LIMIT, QUOTA, RAW_TABLES, Frames, Payload, Query, Request
from marketkeep.sources.alpha_vantage import AlphaVantage

SOURCE = AlphaVantage()
NOW = datetime(2024, 7, 1, 21, tzinfo=UTC)
PRICES = ("open", "high", "low", "close", "volume")
KEY = "Q1W2E3R4T5Y6U7I8"


def planned(symbol: str = "IBM", start: date = date(2024, 6, 3), end: date = date(2024, 7, 1)) -> Request:
    """The request for a month of one symbol."""
    (request,) = SOURCE.plan(Query("daily_bars", (symbol,), start, end, NOW))
    return request


def series(days: list[str] | None = None, symbol: str = "IBM", **told: str) -> dict[str, Any]:
    """A series as Alpha Vantage builds it; `told` replaces fields of its newest row."""
    row = {"1. open": "170.1000", "2. high": "171.5", "3. low": "169.0100", "4. close": "170.5", "5. volume": "3101000"}
    chosen = ["2024-06-05", "2024-06-04", "2024-06-03"] if days is None else days
    rows = {day: dict(row) for day in chosen}
    if chosen:
        rows[chosen[0]] |= told
    return {"Meta Data": {"2. Symbol": symbol, "5. Time Zone": "US/Eastern"}, "Time Series (Daily)": rows}


def csv(*rows: str, columns: str = "timestamp,open,high,low,close,volume") -> bytes:
    """A CSV answer."""
    return "".join(f"{line}\r\n" for line in (columns, *rows)).encode()


ADJUSTED = "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient"


def read(body: object, request: Request | None = None, status: int = 200) -> Frames:
    """What the source reads of a body."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    frames = SOURCE.parse(request or planned(), Payload(status, (), data, NOW))
    for dataset, frame in frames.items():
        RAW_TABLES[dataset].conform(frame.with_columns(payload=pl.lit(0, dtype=pl.UInt32)))
    return frames


def refusal(body: object, request: Request | None = None, status: int = 200) -> PayloadRefused:
    """How a body is refused."""
    with pytest.raises(PayloadRefused) as caught:
        read(body, request, status)
    return caught.value


def test_one_request_a_symbol() -> None:
    """
    Class shares are spelled with a dash; only a window older than the last hundred sessions asks for everything.
    """
    near = SOURCE.plan(Query("daily_bars", ("BRK.B", "BTC-USD", "IBM"), date(2024, 6, 3), date(2024, 7, 1), NOW))
    assert [one.symbols for one in near] == [("BRK.B",), ("IBM",)]
    assert dict(near[0].params) == {
        "function": "TIME_SERIES_DAILY",
        "symbol": "BRK-B",
        "outputsize": "compact",
        "datatype": "json",
    }
    sizes = [dict(planned(start=NOW.date() - timedelta(days=d)).params)["outputsize"] for d in (140, 141)]
    assert sizes == ["compact", "full"]
    assert (SOURCE.offers["daily_bars"].days, SOURCE.quota, SOURCE.rate.calls) == (140, 25, 5)


def test_key_is_no_part_of_a_request() -> None:
    """
    Trap 59: the key is a parameter that the client adds after the request was written down.
    """
    assert SOURCE.access.params == (("apikey", "{key}"),)
    assert "apikey" not in planned().full_url
    assert SOURCE.probe(NOW).symbols == ("IBM",)


def test_series_is_as_traded_oldest_first() -> None:
    """
    Trap 28: strings under numbered keys become numbers; no action is told, so none is claimed.
    """
    frames = read(series(**{"4. close": "170.6200"}))
    bars = frames["daily_bars"]
    assert bars["date"].to_list() == [date(2024, 6, 3), date(2024, 6, 4), date(2024, 6, 5)]
    row = bars.select("symbol", *PRICES, "basis", "basis_date").row(2)
    assert row == ("IBM", 170.1, 171.5, 169.01, 170.62, 3101000.0, "as_traded", None)
    assert set(frames) == {"daily_bars"}


def test_only_the_window_asked_for_is_read() -> None:
    """
    The answer has a hundred sessions; those outside the request are none of it.
    """
    days = ["2024-07-01", "2024-06-28", "2024-06-03", "2024-05-31"]
    assert read(series(days))["daily_bars"]["date"].to_list() == [date(2024, 6, 3), date(2024, 6, 28)]
    told = refusal(series(["2024-05-31"]))
    assert (told.fault, told.retry) == (EMPTY, True)


def test_csv_has_actions_beside_its_bars() -> None:
    """
    Traps 59 and 66: CRLF and newest first; a dividend stands as paid that day, a rounded coefficient is made exact.
    """
    body = csv(
        "2024-06-10,95.00,96.00,94.00,95.50,95.4,1000,0.0000,1.0",
        "2024-06-07,96.00,97.00,95.00,96.50,94.9,2000,2.6500,1.0",
        "2024-06-06,97.00,98.00,96.00,97.50,93.1,3000,0.0000,7.00000700001",
        "2024-06-05,98.00,99.00,97.00,98.50,13.1,4000,0.0000,0.3333",
        columns=ADJUSTED,
    )
    frames = read(body)
    columns = ("ex_date", "kind", "numerator", "denominator", "amount", "currency", "text", "basis")
    assert frames["actions"].select(columns).rows() == [
        (date(2024, 6, 5), "split", 1, 3, None, None, "0.3333", "as_traded"),
        (date(2024, 6, 6), "split", 7, 1, None, None, "7.00000700001", "as_traded"),
        (date(2024, 6, 7), "dividend", None, None, 2.65, "USD", "2.6500", "as_traded"),
    ]
    assert frames["daily_bars"]["close"].to_list() == [98.5, 97.5, 96.5, 95.5]
    assert frames["daily_bars"]["adj_close"].to_list() == [13.1, 93.1, 94.9, 95.4]


def test_adjusted_json_is_read_like_its_csv() -> None:
    """
    The paid series names its columns with other numbers; names decide, not numbers.
    """
    row = {
        "1. open": "127.95",
        "2. high": "129.675",
        "3. low": "127.66",
        "4. close": "128.58",
        "5. adjusted close": "125.47",
        "6. volume": "5602466",
        "7. dividend amount": "1.6300",
        "8. split coefficient": "1.0",
    }
    frames = read({"Meta Data": {"2. Symbol": "IBM"}, "Time Series (Daily)": {"2024-06-10": row}})
    assert frames["daily_bars"].select(*PRICES, "adj_close").row(0) == (
        *(127.95, 129.675, 127.66, 128.58, 5602466.0, 125.47),
    )
    assert frames["actions"].select("kind", "amount").rows() == [("dividend", 1.63)]


@pytest.mark.parametrize("symbol", ["NA", "TRUE", "NULL", "BRK.B"])
def test_symbols_are_never_guessed(symbol: str) -> None:
    """
    Traps 29 and 63: the symbol is compared in any spelling and comes out canonical.
    """
    request = planned(symbol)
    assert read(series(symbol=symbol.replace(".", "-")), request)["daily_bars"]["symbol"][0] == symbol
    for other in ("MSFT", "no symbol at all"):
        told = refusal(series(symbol=other), request)
        assert (told.fault, told.retry) == ("wrong_symbol", True)


PREMIUM = (
    "You may subscribe to any of the premium plans at https://www.alphavantage.co/premium/ to instantly unlock all"
)


@pytest.mark.parametrize(
    ("root", "text", "fault"),
    [
        ("Information", f"We have detected your API key as {KEY} and our standard API rate limit is 25 a day.", QUOTA),
        ("Note", f"Thank you, {KEY}! Our standard API call frequency is 5 calls per minute, 500 per day.", QUOTA),
        ("Information", f"Please consider spreading out your free API requests more sparingly, {KEY}.", QUOTA),
        ("Information", f"This is a premium endpoint. {PREMIUM} premium endpoints {KEY}", PLAN_LIMIT),
        ("Information", f"The outputsize=full parameter value is a premium feature. {PREMIUM} {KEY}", PLAN_LIMIT),
        ("Information", "The **demo** API key is for demo purposes only. Please claim your free API key.", BAD_KEY),
        (
            "Error Message",
            f"the parameter apikey is invalid or missing: {KEY}. Please claim yours.",
            BAD_KEY,
        ),
        ("Error Message", f"Invalid API call. Please retry or visit the documentation {KEY}.", NOT_FOUND),
        ("Information", f"Something else about {KEY}.", "refused"),
    ],
)
def test_notes_are_told_apart_and_none_of_their_words_passed_on(root: str, text: str, fault: str) -> None:
    """
    Traps 27 and 59: with status 200, a note's meaning becomes our own sentence; the key in it goes nowhere.
    """
    told = refusal({root: text})
    assert (told.fault, told.retry) == (fault, False)
    assert KEY not in str(told)
    assert told.reason.startswith("Alpha Vantage ") or told.reason.startswith("Alpha Vantage's ")
    assert told.__cause__ is None
    assert refusal(b"\xef\xbb\xbf\r\n" + json.dumps({root: text}).encode()).fault == fault


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, EMPTY),
        (series([]), EMPTY),
        ([], "malformed"),
        ({"bestMatches": []}, "malformed"),
        ({"Meta Data": {"2. From Symbol": "EUR"}, "Time Series FX (Daily)": {}}, "malformed"),
        ({"Time Series (Daily)": {"2024-06-05": {}}}, "malformed"),
        ({"Meta Data": [], "Time Series (Daily)": []}, "malformed"),
        (series(**{"4. close": "n/a"}), "malformed"),
        (series(**{"4. close": "inf"}), "malformed"),
        (series(["05.06.2024"]), "malformed"),
        (b"", "malformed"),
        (b"<html>", "malformed"),
        (csv("BTC,Bitcoin", columns="currency code,currency name"), "malformed"),
        (csv("2024-06-05,1,2,1,1.5"), "malformed"),
        (csv("2024-06-05,1,2,1,1.5,7,8"), "malformed"),
        (csv("2024-06-05,1,2,1,1.5,7", "2024-06-05,1,2,1,1.5,7"), "malformed"),
        (csv("2024-06-05,1,2,1,1.5,7")[:-3], "truncated"),
        (csv("2024-06-05,1,2,1,1.5,1.5,7,-1,1.0", columns=ADJUSTED), "malformed"),
        (csv("2024-06-05,1,2,1,1.5,1.5,7,0.0,-2", columns=ADJUSTED), "malformed"),
    ],
)
def test_what_is_no_daily_series_is_refused(body: object, fault: str) -> None:
    """
    Other endpoints' answers, half rows and unreadable figures give a reason, and may be asked again.
    """
    told = refusal(body)
    assert (told.fault, told.retry) == (fault, True)


@pytest.mark.parametrize(("status", "fault"), [(400, "http_400"), (401, BAD_KEY), (403, BAD_KEY), (404, "http_404")])
def test_statuses_are_refusals(status: int, fault: str) -> None:
    """
    A status that is an error is one, whatever its body is; it is quoted nowhere.
    """
    told = refusal(KEY.encode(), status=status)
    assert (told.fault, told.retry) == (fault, False)
    assert KEY not in str(told)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers(-(2**70), 2**70) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(told=JSON, at=st.sampled_from(["root", "meta", "series", "row", "field", "note"]))
def test_any_json_gives_rows_or_a_refusal(told: Any, at: str) -> None:
    """
    Whatever stands at whatever place of a series, there is no other outcome.
    """
    shapes = {
        "root": told,
        "meta": series() | {"Meta Data": told},
        "series": series() | {"Time Series (Daily)": told},
        "row": series() | {"Time Series (Daily)": {"2024-06-05": told}},
        "field": series(**{"4. close": told}),
        "note": {"Information": told},
    }
    with suppress(PayloadRefused):
        read(shapes[at])


def test_cut_and_flipped_bytes_give_rows_or_a_refusal() -> None:
    """
    A good answer cut anywhere, or with bytes changed, never does anything else; a cut one gives no rows.
    """
    rng = random.Random(5)
    rows = [f"2024-06-{day:02d},1.5,2,1,1.75,1.7,70{day},0.2500,2.0" for day in range(28, 2, -1)]
    for body in (json.dumps(series()).encode(), csv(*rows, columns=ADJUSTED), csv("2024-06-05,1,2,1,1.5,7")):
        for at in range(len(body) - 2):
            if body[:at].endswith(b"\r\n") and at > len(ADJUSTED) + 2:
                continue
            refusal(body[:at])
        for _ in range(400):
            spoilt = bytearray(body)
            for _ in range(rng.randint(1, 3)):
                spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
            with suppress(PayloadRefused):
                read(bytes(spoilt))
