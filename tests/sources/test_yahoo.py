"""Yahoo's chart: each of its shapes is read for what it is, or refused with a reason, and nothing crashes."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yahoo_charts import DAYS, FETCHED, PLAIN, PRICES, YAHOO, cash_of, chart, epoch, fault, parse

from marketkeep.errors import PayloadRefused
from marketkeep.model import RAW_TABLES, Payload, Policy, Query, Request
from raw_rows import resolve_actions

# --- shapes ----------------------------------------------------------------------------------------------------------


def test_plain_chart() -> None:
    """
    Bars of the sessions in the venue's zone, split-adjusted up to the day before the call.
    """
    frames = parse(PLAIN)
    assert frames["daily_bars"].select("date", *PRICES, "adj_close", "basis", "basis_date").rows()[1] == (
        (date(2024, 3, 5), 11.0, 11.0, 11.0, 11.0, 1000.0, 11.0, "split_adjusted", date(2025, 6, 1))
    )
    assert frames["actions"].is_empty()


def test_null_bars_are_left_out_and_null_fields_stay() -> None:
    """
    Trap 58: a row of nothing is no bar; a field of nothing is unknown, never 0.
    """
    told = chart(DAYS, [10.0, None, 12.0, 13.0])
    told["chart"]["result"][0]["indicators"]["quote"][0]["open"][2] = None
    told["chart"]["result"][0]["indicators"]["quote"][0]["volume"][3] = None
    bars = parse(told)["daily_bars"]
    assert bars["date"].to_list() == [date(2024, 3, 4), date(2024, 3, 6), date(2024, 3, 7)]
    assert (bars["open"].to_list(), bars["volume"].to_list()) == ([10.0, None, 13.0], [1000.0, 1000.0, None])


@pytest.mark.parametrize(
    "told",
    [
        {"timestamp": None, "indicators": {"quote": [{}]}},
        {"timestamp": [], "indicators": {"quote": [{}], "adjclose": [{}]}},
    ],
)
def test_no_timestamp_is_empty(told: dict[str, Any]) -> None:
    """
    Trap 58: status 200 without timestamps says that there is nothing in the window; asking again may help.
    """
    body = chart([], [], **told)
    if told["timestamp"] is None:
        del body["chart"]["result"][0]["timestamp"]
    assert fault(body) == ("empty", True)


def test_rows_of_nothing_only_are_empty() -> None:
    """
    Trap 8: a chart whose every value is null says nothing; it does not settle the window.
    """
    assert fault(chart(DAYS, [None] * 4)) == ("empty", True)


@pytest.mark.parametrize("adjclose", [None, [], [{}], [{"adjclose": []}]])
def test_adjusted_close_may_be_absent(adjclose: Any) -> None:
    """
    Trap 58: without an adjusted close the bars stand, the witness is null.
    """
    told = copy.deepcopy(PLAIN)
    told["chart"]["result"][0]["indicators"]["adjclose"] = adjclose
    if adjclose is None:
        del told["chart"]["result"][0]["indicators"]["adjclose"]
    bars = parse(told)["daily_bars"]
    assert (bars.height, bars["adj_close"].null_count()) == (4, 4)


def test_events_are_keyed_by_epoch_strings() -> None:
    """
    Trap 58: an event's own date counts, in the venue's zone; ratios are exact, the words are kept.
    """
    events = {
        "splits": {
            "1": {"date": epoch(DAYS[1]), "numerator": 1046, "denominator": 1000, "splitRatio": "1046:1000"},
            "2": {"date": epoch(DAYS[2]), "numerator": 3.0, "denominator": 2.0},
        },
        "dividends": {"3": {"date": epoch(DAYS[3]), "amount": 0.25}},
    }
    actions = parse(chart(DAYS, [10.0, 11.0, 12.0, 13.0], events=events))["actions"]
    assert actions.select("ex_date", "kind", "numerator", "denominator", "amount", "currency", "text").rows() == [
        (date(2024, 3, 5), "split", 523, 500, None, None, "1046:1000"),
        (date(2024, 3, 6), "split", 3, 2, None, None, "3.0:2.0"),
        (date(2024, 3, 7), "dividend", None, None, 0.25, "USD", "0.25"),
    ]


def test_session_is_told_in_the_venues_zone() -> None:
    """
    Trap 45: stamps are instants; Yahoo's own zone makes the session of them, over the change of the clocks too.
    """
    days = ["2024-03-08", "2024-03-11"]
    told = chart(days, [10.0, 11.0], timestamp=[epoch(days[0], 14), epoch(days[1], 13)])
    assert parse(told)["daily_bars"]["date"].to_list() == [date(2024, 3, 8), date(2024, 3, 11)]
    told["chart"]["result"][0]["timestamp"] = [int(datetime(2024, 3, 8, tzinfo=UTC).timestamp())] * 2
    told["chart"]["result"][0]["meta"] |= {"exchangeTimezoneName": "UTC", "symbol": "BTC-USD"}
    assert parse(told, "BTC-USD")["daily_bars"]["date"].to_list() == [date(2024, 3, 8)] * 2


@pytest.mark.parametrize("zone", [None, "", "Nowhere/Land", "../../etc/passwd", "America", 5])
def test_unknown_zone_is_new_york(zone: Any) -> None:
    """
    Where the zone is missing or no zone, the venue is taken to be in New York.
    """
    told = copy.deepcopy(PLAIN)
    told["chart"]["result"][0]["meta"]["exchangeTimezoneName"] = zone
    assert parse(told)["daily_bars"]["date"][0] == date(2024, 3, 4)


@pytest.mark.parametrize(
    ("body", "status", "code", "retry"),
    [
        (b"400 Bad Request: Data doesn't exist for startDate = 1, endDate = 2", 400, "not_found", False),
        (b"Bad Request", 400, "http_400", False),
        (b"Not Found", 404, "not_found", False),
        (b'{"finance":{"error":{"code":"Unauthorized","description":"Invalid Crumb"}}}', 401, "http_401", False),
        (b"\xff\xfe", 500, "http_500", False),
        (b'{"finance":{"result":null,"error":{"code":"x","description":"no"}}}', 200, "refused", False),
        (b'{"chart":{"result":null,"error":null}}', 200, "malformed", True),
        (b'{"chart":{"result":[],"error":null}}', 200, "malformed", True),
        (b'{"chart":{"result":[{}],"error":null}}', 200, "malformed", True),
        (b'{"chart":{"result":[null],"error":null}}', 200, "malformed", True),
        (b'{"chart":null}', 200, "malformed", True),
        (b'{"chart":[]}', 200, "malformed", True),
        (b'{"chart":{"result":null,"error":"no"}}', 200, "malformed", True),
        (b"{}", 200, "malformed", True),
        (b"[]", 200, "malformed", True),
        (b"null", 200, "malformed", True),
        (b"", 200, "malformed", True),
        (b"<html>Will be right back...</html>", 200, "malformed", True),
        (b'{"chart":{"result":[{"meta":{"symbol":"AAPL"', 200, "malformed", True),
    ],
)
def test_answers_that_are_no_chart(body: bytes, status: int, code: str, retry: bool) -> None:
    """
    Trap 58: errors come in plain text and under several roots; each has its code, and only some are worth asking again.
    """
    assert fault(body, status=status) == (code, retry)


@pytest.mark.parametrize(
    ("meta", "code", "retry"),
    [
        ({"symbol": "MSFT"}, "wrong_symbol", True),
        ({"symbol": None}, "wrong_symbol", True),
        ({"dataGranularity": "1m"}, "wrong_interval", False),
        ({"dataGranularity": "1wk"}, "wrong_interval", False),
    ],
)
def test_answer_to_another_question(meta: dict[str, Any], code: str, retry: bool) -> None:
    """
    Bars of another symbol or interval are not what was asked for.
    """
    told = copy.deepcopy(PLAIN)
    told["chart"]["result"][0]["meta"] |= meta
    assert fault(told) == (code, retry)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("indicators", "quote", 0, "close"), [10.0, 11.0, 12.0]),
        (("indicators", "quote", 0, "close", 1), "eleven"),
        (("indicators", "quote", 0, "close", 1), [11.0]),
        (("indicators", "quote", 0, "close"), 11.0),
        (("indicators", "quote", 0), None),
        (("indicators", "quote"), []),
        (("indicators", "adjclose"), [None]),
        (("indicators", "adjclose"), 7),
        (("timestamp", 0), None),
        (("timestamp", 0), "soon"),
        (("timestamp", 0), 10**18),
        (("timestamp",), {"0": 1}),
        (("events",), {"splits": {"1": {"date": epoch(DAYS[1]), "numerator": 2, "denominator": 0}}}),
        (("events",), {"splits": {"1": {"date": epoch(DAYS[1]), "numerator": 0, "denominator": 2}}}),
        (("events",), {"splits": {"1": {"date": epoch(DAYS[1]), "numerator": -2, "denominator": 1}}}),
        (("events",), {"splits": {"1": {"date": epoch(DAYS[1]), "numerator": "two", "denominator": 1}}}),
        (("events",), {"splits": {"1": {"date": epoch(DAYS[1])}}}),
        (("events",), {"splits": {"1": None}}),
        (("events",), {"splits": [1, 2]}),
        (("events",), {"dividends": {"1": {"date": epoch(DAYS[1])}}}),
        (("events",), {"dividends": {"1": {"date": epoch(DAYS[1]), "amount": None}}}),
        (("events",), {"dividends": {"1": {"date": 10**18, "amount": 1.0}}}),
        (("events",), {"dividends": {"1": {"date": None, "amount": 1.0}}}),
    ],
)
def test_chart_not_built_as_charts_are(where: tuple[Any, ...], value: Any) -> None:
    """
    A chart with a part missing or of another kind is refused as malformed; it never stops the collecting of others.
    """
    told = copy.deepcopy(PLAIN)
    part: Any = told["chart"]["result"][0]
    for name in where[:-1]:
        part = part[name]
    part[where[-1]] = value
    assert fault(told) == ("malformed", True)


RICH = chart(
    DAYS,
    [10.0, 11.0, 12.0, 13.0],
    events={
        "splits": {"1": {"date": epoch(DAYS[1]), "numerator": 2, "denominator": 1, "splitRatio": "2:1"}},
        "dividends": {"2": {"date": epoch(DAYS[2]), "amount": 0.2}},
        "capitalGains": {"3": {"date": epoch(DAYS[2]), "amount": 0.1}},
    },
)
ODD = st.sampled_from(
    [None, "", "x", 0, -1, 1.5, 10**15, 10**400, [], {}, [None], {"a": None}, True, "2024-03-04", 1e308]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in items:
        yield (*path, name)
        yield from places(part, (*path, name))


@given(st.lists(st.tuples(st.sampled_from(list(places(RICH))), ODD), min_size=1, max_size=3), st.booleans())
@settings(max_examples=400, deadline=None)
def test_damaged_charts_are_read_or_refused(damages: list[tuple[tuple[Any, ...], Any]], remove: bool) -> None:
    """
    Whatever is put in place of any part of a chart, it is read or refused; no other error comes out.
    """
    told = copy.deepcopy(RICH)
    for place, value in damages:
        part: Any = told
        try:
            for name in place[:-1]:
                part = part[name]
            if remove:
                del part[place[-1]]
            else:
                part[place[-1]] = copy.deepcopy(value)
        except (KeyError, IndexError, TypeError):
            continue
    try:
        frames = parse(told)
    except PayloadRefused:
        return
    assert frames["daily_bars"]["date"].null_count() == 0


@given(st.integers(0, 2000), st.integers(0, 2**31))
@settings(max_examples=100, deadline=None)
def test_cut_and_flipped_bytes_are_read_or_refused(at: int, seed: int) -> None:
    """
    A body cut anywhere, or with a byte changed, is read or refused.
    """
    body = bytearray(json.dumps(RICH).encode())
    cut = bytes(body[: at % len(body)])
    body[at % len(body)] = random.Random(seed).randrange(256)
    for damaged in (cut, bytes(body)):
        with suppress(PayloadRefused):
            parse(damaged)


# --- capital gains, basis --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dividend", "gain", "told"),
    [
        (0.3, 0.1, [("capital_gain", 0.1), ("dividend", 0.2)]),
        (0.1, 0.1, [("capital_gain", 0.1)]),
        (0.05, 0.1, [("capital_gain", 0.1), ("dividend", 0.05)]),
        (None, 0.1, [("capital_gain", 0.1)]),
        (0.3, None, [("dividend", 0.3)]),
    ],
)
def test_capital_gains_are_counted_once(
    dividend: float | None, gain: float | None, told: list[tuple[str, float]]
) -> None:
    """
    Trap 4: a fund's dividend told with its capital gain inside is only what is left over; each has its own type.
    """
    events: dict[str, Any] = {}
    if dividend:
        events["dividends"] = {"1": {"date": epoch(DAYS[2]), "amount": dividend}}
    if gain:
        events["capitalGains"] = {"1": {"date": epoch(DAYS[2]), "amount": gain}}
    found = cash_of(parse(chart(DAYS, [10.0, 11.0, 12.0, 13.0], events=events)))
    assert [(kind, amount) for _, kind, amount, _ in found] == told


def with_dividend(amount: float, step: float, *, ratio: int = 4, splits: bool = True) -> dict[str, Any]:
    """
    A chart with a dividend on the third session and a split on the fourth, whose adjusted close takes `step` at the
    dividend.
    """
    closes = [10.0, 11.0, 12.0, 13.0]
    events: dict[str, Any] = {"dividends": {"1": {"date": epoch(DAYS[2]), "amount": amount}}}
    if splits:
        events["splits"] = {"2": {"date": epoch(DAYS[3]), "numerator": ratio, "denominator": 1}}
    told = chart(DAYS, list(closes), events=events)
    adjusted = [10.0 * step, 11.0 * step, 12.0, 13.0]
    told["chart"]["result"][0]["indicators"]["adjclose"] = [{"adjclose": adjusted}]
    return told


@pytest.mark.parametrize(
    ("amount", "step", "basis"),
    [
        (0.5, 1 - 0.5 / 11, "split_adjusted"),
        (2.0, 1 - 0.5 / 11, "as_traded"),
        (2.0, 1 - 2.0 / 11, "split_adjusted"),
        (2.0, 1.0, "unknown"),
        (2.0, 1 - 1.0 / 11, "unknown"),
        (0.5, 1 - 0.5 / 11 + 0.99e-4, "split_adjusted"),
        (0.5, 1 - 0.5 / 11 + 1.01e-4, "unknown"),
    ],
)
def test_basis_of_a_dividend_is_inferred(amount: float, step: float, basis: str) -> None:
    """
    Trap 2: the basis is the one that reproduces Yahoo's adjusted close to 1e-4; if none does it is unknown.
    """
    frames = parse(with_dividend(amount, step))
    [(day, kind, told, found)] = cash_of(frames)
    assert (day, kind, told, found) == (date(2024, 3, 6), "dividend", amount, basis)
    lineage = {"source": pl.lit("yahoo"), "fetched_at": pl.lit(FETCHED), "digest": pl.lit("d"), "batch_id": pl.lit("b")}
    raw = RAW_TABLES["actions"].conform(frames["actions"].with_columns(payload=pl.lit(0))).with_columns(**lineage)
    verdict = resolve_actions(raw, Policy()).filter(kind="dividend").row(0, named=True)
    paid = {"split_adjusted": amount * 4, "as_traded": amount, "unknown": None}[basis]
    assert verdict["amount"] == paid
    assert verdict["status"] == ("disputed" if basis == "unknown" else "single")


def test_basis_without_a_step_is_the_sources_word() -> None:
    """
    A dividend on the first session of a window, or without adjusted closes, has no step to be seen: Yahoo scales.
    """
    told = with_dividend(0.5, 1.0)
    told["chart"]["result"][0]["events"]["dividends"]["1"]["date"] = epoch(DAYS[0])
    assert cash_of(parse(told))[0][3] == "split_adjusted"
    told = with_dividend(0.5, 1.0)
    del told["chart"]["result"][0]["indicators"]["adjclose"]
    assert cash_of(parse(told))[0][3] == "split_adjusted"


def test_gain_and_dividend_of_one_day_make_one_step() -> None:
    """
    Trap 4: the step of an ex-date is that of all its payments together.
    """
    told = with_dividend(0.5, 1 - 0.5 / 11, splits=False)
    told["chart"]["result"][0]["events"]["capitalGains"] = {"1": {"date": epoch(DAYS[2]), "amount": 0.2}}
    assert cash_of(parse(told)) == [
        (date(2024, 3, 6), "capital_gain", 0.2, "split_adjusted"),
        (date(2024, 3, 6), "dividend", 0.3, "split_adjusted"),
    ]


# --- asking ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fetched", "basis_date"),
    [
        (datetime(2024, 3, 7, 4, 59, tzinfo=UTC), date(2024, 3, 5)),
        (datetime(2024, 3, 7, 5, 0, tzinfo=UTC), date(2024, 3, 7)),
        (datetime(2024, 3, 8, 12, 0, tzinfo=UTC), date(2024, 3, 7)),
    ],
)
def test_splits_are_applied_up_to_the_day_before_the_call(fetched: datetime, basis_date: date) -> None:
    """
    Trap 1: the day of the call counts only if the payload itself tells of its split; days are New York's.
    """
    events = {"splits": {"2": {"date": epoch(DAYS[3]), "numerator": 4, "denominator": 1}}}
    told = chart(DAYS, [10.0, 11.0, 12.0, 13.0], events=events)
    assert parse(told, fetched=fetched)["daily_bars"]["basis_date"].unique().to_list() == [basis_date]


def asked(symbols: tuple[str, ...], start: date, end: date, today: date) -> list[Request]:
    """The plan for a window."""
    now = datetime.combine(today, time(20), tzinfo=UTC)
    return YAHOO.plan(Query("daily_bars", symbols, start, end, now))


@pytest.mark.parametrize("end", [date(2020, 2, 1), date(2024, 6, 2), date(2024, 6, 3), date(2024, 6, 4)])
def test_plan_always_runs_to_today(end: date) -> None:
    """
    Trap 1: whatever window is missing, it is asked for up to today, so that every split applied is in the payload.
    """
    [request] = asked(("AAPL",), date(2020, 1, 2), end, date(2024, 6, 3))
    params = dict(request.params)
    assert (request.start, request.end) == (date(2020, 1, 2), date(2024, 6, 4))
    assert params["period1"] == str(int(datetime(2020, 1, 2, tzinfo=UTC).timestamp()))
    assert params["period2"] == str(int(datetime(2024, 6, 4, tzinfo=UTC).timestamp()))
    assert (params["interval"], params["events"]) == ("1d", "div,splits,capitalGains")


def test_window_behind_today_is_kept() -> None:
    """
    An end behind today stays: a crypto day may end after New York's.
    """
    assert asked(("AAPL",), date(2020, 1, 2), date(2024, 6, 9), date(2024, 6, 3))[0].end == date(2024, 6, 9)


def test_symbols_are_asked_in_yahoos_spelling() -> None:
    """
    Trap 29: BRK.B is asked as BRK-B, one request a symbol, and answered as BRK-B it is BRK.B.
    """
    requests_made = asked(("BRK.B", "ABR.PRD", "BTC-USD"), date(2020, 1, 2), date(2020, 2, 1), date(2020, 2, 1))
    assert [one.url.rsplit("/", 1)[-1] for one in requests_made] == ["BRK-B", "ABR-PD", "BTC-USD"]
    assert [one.symbol for one in requests_made] == ["BRK.B", "ABR.PRD", "BTC-USD"]
    told = copy.deepcopy(PLAIN)
    told["chart"]["result"][0]["meta"]["symbol"] = "BRK-B"
    assert parse(told, "BRK.B")["daily_bars"]["symbol"].unique().to_list() == ["BRK.B"]


def test_days_of_an_index() -> None:
    """
    An index keeps its caret, in the address and in the answer, and its session is New York's.
    """
    assert asked(("^GSPC",), date(2020, 1, 2), date(2020, 2, 1), date(2020, 2, 1))[0].url.endswith("/^GSPC")
    told = copy.deepcopy(PLAIN)
    told["chart"]["result"][0]["meta"]["symbol"] = "^GSPC"
    bars = parse(told, "^GSPC")["daily_bars"]
    assert bars.select("symbol", "date").row(0) == ("^GSPC", date(2024, 3, 4))


def test_chart_is_one_page() -> None:
    """
    There is never a next page.
    """
    [request] = asked(("AAPL",), date(2020, 1, 2), date(2020, 2, 1), date(2020, 2, 1))
    assert YAHOO.next_page(request, Payload(200, (), b"{}", FETCHED + timedelta(1))) is None
