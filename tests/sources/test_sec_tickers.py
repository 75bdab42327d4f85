"""The SEC's list of tickers in all its forms, and the pages that come in its place."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

import orjson
import polars as pl
import pytest

from marketkeep.errors import PayloadRefused
from marketkeep.model import RAW_TABLES, Payload, Query
from marketkeep.sources.sec_tickers import SecTickers

SOURCE = SecTickers()
NOW = datetime(2024, 6, 12, 22, tzinfo=UTC)
FIELDS = ["cik", "name", "ticker", "exchange"]
ROWS: list[list[Any]] = [
    [1652044, "Alphabet Inc.", "GOOGL", "Nasdaq"],
    [1067983, "BERKSHIRE HATHAWAY INC", "BRK-B", "NYSE"],
    [1652044, "Alphabet Inc.", "GOOG", "Nasdaq"],
    [1872302, "Nano Labs Ltd", "NA", None],
    [814052, "TELEFONICA S A", "TELFY", "OTC"],
    [9, "Cboe Global", "CBX", "CBOE"],
]


def arrays(rows: list[list[Any]] = ROWS, fields: list[str] = FIELDS) -> bytes:
    """The list as company_tickers_exchange.json has it."""
    return orjson.dumps({"fields": fields, "data": rows})


def read(body: bytes, status: int = 200) -> pl.DataFrame:
    """The listings that the source reads of a body."""
    return SOURCE.parse(SOURCE.probe(NOW), Payload(status, (), body, NOW))["listings"]


def refusal(body: bytes, status: int = 200) -> PayloadRefused:
    """How the source refuses a body."""
    with pytest.raises(PayloadRefused) as caught:
        read(body, status)
    return caught.value


def test_plan_is_one_file_and_names_the_contact() -> None:
    """One call for all tickers; the User-Agent names who asks, and without that setting nobody does."""
    (request,) = SOURCE.plan(Query("listings", (), date(2020, 1, 1), date(2024, 6, 13), NOW))
    assert request.url == "https://www.sec.gov/files/company_tickers_exchange.json"
    assert (request.symbols, request.start, request.end) == ((), date(2024, 6, 12), date(2024, 6, 13))
    assert SOURCE.access.needs == ("contact",)
    assert dict(SOURCE.access.headers) == {"User-Agent": "marketkeep {contact}"}
    assert "10 calls a second" in SOURCE.access.terms
    assert SOURCE.rate.calls / SOURCE.rate.seconds <= 5


def test_rows_are_the_list_as_told() -> None:
    """Issuer, name and exchange by canonical symbol; what the list does not know is null; the day is that of asking."""
    told = read(arrays())
    assert dict(told.schema) == RAW_TABLES["listings"].delivered
    assert told.select("symbol", "name", "exchange", "cik").rows() == [
        ("BRK.B", "BERKSHIRE HATHAWAY INC", "NYSE", 1067983),
        ("CBX", "Cboe Global", "Cboe BZX", 9),
        ("GOOG", "Alphabet Inc.", "NASDAQ", 1652044),
        ("GOOGL", "Alphabet Inc.", "NASDAQ", 1652044),
        ("NA", "Nano Labs Ltd", None, 1872302),
        ("TELFY", "TELEFONICA S A", "OTC", 814052),
    ]
    assert told["date"].unique().to_list() == [date(2024, 6, 12)]
    assert told["etf"].null_count() == told["test_issue"].null_count() == told.height


def test_numbers_may_be_text() -> None:
    """Trap 62: a CIK is a number or a padded text, and means the same."""
    rows = [[f"{cik:010d}", *rest] for cik, *rest in ROWS]
    assert read(arrays(rows)).equals(read(arrays()))


def test_order_of_fields_is_the_lists_own() -> None:
    """The list names its fields; a column is found by name, not by place."""
    rows = [row[::-1] for row in ROWS]
    assert read(arrays(rows, FIELDS[::-1])).equals(read(arrays()))


def test_older_forms_tell_the_same_without_exchanges() -> None:
    """company_tickers.json is an object of objects, ticker.txt has a ticker and a number a line."""
    objects = {str(at): {"cik_str": row[0], "ticker": row[2], "title": row[1]} for at, row in enumerate(ROWS)}
    text = "\n".join(f"{row[2].lower()}\t{row[0]}" for row in ROWS)
    assert read(orjson.dumps(objects)).equals(read(arrays()).with_columns(exchange=pl.lit(None, dtype=pl.String)))
    assert read(text.encode()).select("symbol", "cik").equals(read(arrays()).select("symbol", "cik"))


def test_odd_tickers_are_tickers() -> None:
    """Trap 63: NA, NAN, NULL, TRUE and ON come through; what is no ticker at all is left out."""
    odd = ["NA", "NAN", "NULL", "TRUE", "ON", "NONE"]
    told = read(arrays([[at + 1, "Some Co", ticker, "NYSE"] for at, ticker in enumerate([*odd, "NONE.", "", None])]))
    assert told["symbol"].to_list() == sorted(odd)


def test_first_of_two_claims_is_kept() -> None:
    """The list begins with the largest; a ticker that stands there twice is the first one's."""
    told = read(arrays([[1, "Large", "BRK-B", "NYSE"], [2, "Small", "BRK.B", "OTC"]]))
    assert told.select("symbol", "cik").rows() == [("BRK.B", 1)]


@pytest.mark.parametrize(
    ("body", "status", "fault", "retry"),
    [
        (b"", 200, "empty", True),
        (arrays([]), 200, "empty", True),
        (b"<!DOCTYPE html><html><title>Maintenance</title></html>", 200, "malformed", True),
        (b'  <?xml version="1.0"?><Error/>', 200, "malformed", True),
        (arrays()[:-40], 200, "truncated", True),
        (b'{"fields": ["cik"], "data": []}', 200, "malformed", True),
        (b'{"error": "no"}', 200, "malformed", True),
        (b"[1, 2]", 200, "malformed", True),
        (arrays([["x", "A", "A", "NYSE"]]), 200, "malformed", True),
        (arrays([[1, {"a": 1}, "A", "NYSE"]]), 200, "malformed", True),
        (arrays([[1, "A", "A"]]), 200, "malformed", True),
        (b"<html>Undeclared Automated Tool</html>", 403, "bad_key", False),
        (b"<html>Request Rate Threshold Exceeded</html>", 403, "quota", False),
        (b"<html>none</html>", 404, "not_found", False),
        (b"no", 410, "http_410", False),
    ],
)
def test_what_is_no_list_is_refused(body: bytes, status: int, fault: str, retry: bool) -> None:
    """Trap 62: a page with status 200 is no list; each other answer is refused with a sentence that says what it is."""
    refused = refusal(body, status)
    assert (refused.fault, refused.retry) == (fault, retry)
    assert refused.reason.endswith(".")


def test_damaged_bytes_give_rows_or_a_refusal() -> None:
    """Wherever the list is cut or a byte is another, nothing but rows or a refusal comes of it."""
    whole, chance = arrays(), random.Random(7)
    for _ in range(400):
        at = chance.randrange(len(whole))
        flipped = bytearray(whole)
        flipped[at] = chance.randrange(256)
        for body in (whole[:at], bytes(flipped)):
            with suppress(PayloadRefused):
                assert read(body).height
