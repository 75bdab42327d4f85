"""Answers of Polygon's that were damaged anywhere are read or refused; no other error comes out."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polygon_answers import (
    POLYGON,
    aggregates,
    bar,
    daily,
    dividend,
    dividends,
    grouped,
    listed,
    market,
    minute,
    payload,
    refusal,
    split,
    splits,
)

from marketkeep.errors import PayloadRefused
from marketkeep.model import Request

SESSION = "2024-03-04"
AT_CLOSE = f"{SESSION}T16:00"
PAGE = "https://api.polygon.io/v2/aggs/ticker/AAPL/range/1/day/1/2?cursor=bGlt"
RICH: list[tuple[Request, dict[str, Any]]] = [
    (daily(), aggregates([bar("2024-03-08"), bar("2024-03-11")], next_url=PAGE)),
    (market("A", "B"), grouped([bar(AT_CLOSE, T="A"), bar(AT_CLOSE, T="C")])),
    (minute(), aggregates([bar("2024-03-08T09:30"), bar("2024-03-08T09:31")], next_url=PAGE)),
    (splits(), listed([split("AAPL", "2024-03-08", 4, 1)], next_url=PAGE)),
    (dividends(), listed([dividend("AAPL", "2024-03-08", 0.24)], next_url=PAGE)),
]
ODD = st.sampled_from(
    [None, "", "x", 0, -1, 1.5, 10**15, 10**19, 10**400, [], {}, [None], {"a": None}, True, SESSION, 1e308, "é", "[::1"]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in items:
        yield (*path, name)
        yield from places(part, (*path, name))


def read_or_refused(request: Request, body: bytes) -> None:
    """Rows or a refusal, and a next page or none: no other error."""
    for status in (200, 403):
        with suppress(PayloadRefused):
            ((_, frame),) = POLYGON.parse(request, payload(body, status)).items()
            assert isinstance(frame, pl.DataFrame)
            assert set(frame["symbol"]) <= set(request.symbols)
        POLYGON.next_page(request, payload(body, status))


@given(st.data(), st.booleans())
@settings(max_examples=400, deadline=None)
def test_damaged_answers_are_read_or_refused(data: st.DataObject, remove: bool) -> None:
    """
    Whatever is put in place of any part of an answer, it is read or refused; no other error comes out.
    """
    request, body = data.draw(st.sampled_from(RICH))
    told = copy.deepcopy(body)
    for place in data.draw(st.lists(st.sampled_from(list(places(body))), min_size=1, max_size=3)):
        part: Any = told
        with suppress(KeyError, IndexError, TypeError):
            for name in place[:-1]:
                part = part[name]
            if remove:
                del part[place[-1]]
            else:
                part[place[-1]] = copy.deepcopy(data.draw(ODD))
    read_or_refused(request, json.dumps(told).encode())


@given(st.sampled_from(RICH), st.integers(0, 2000), st.integers(0, 2**31))
@settings(max_examples=200, deadline=None)
def test_cut_and_flipped_bytes_are_read_or_refused(asked: tuple[Request, dict[str, Any]], at: int, seed: int) -> None:
    """
    A body cut anywhere is refused, one with a byte changed is read or refused.
    """
    body = bytearray(json.dumps(asked[1]).encode())
    assert refusal(asked[0], bytes(body[: at % len(body)])).fault == "malformed"
    body[at % len(body)] = random.Random(seed).randrange(256)
    read_or_refused(asked[0], bytes(body))
