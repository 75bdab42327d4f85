"""What Alpaca refuses becomes a plain sentence without a key, and no bytes whatever make the source fail."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from typing import Any

import polars as pl
import pytest
from alpaca_pages import ALPACA, DAYS, MINUTES, NOW, action, actions, bar, bars, planned, refusal
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkeep.errors import PayloadRefused
from marketkeep.model import BAD_KEY, NOT_FOUND, PLAN_LIMIT, Payload

ACTIONS = planned("actions", "AAPL", "MSFT", "MSBC", "JUPW")


@pytest.mark.parametrize(
    ("status", "body", "fault", "words"),
    [
        (400, {"message": "invalid symbol: BRK.B"}, NOT_FOUND, "Alpaca knows no symbol BRK.B (HTTP 400)."),
        (422, {"code": 42210000, "message": "invalid symbol(s): AAPL"}, NOT_FOUND, "no symbol AAPL"),
        (400, {"message": "invalid symbol: secret-key-77"}, NOT_FOUND, "no symbol of one of those names"),
        (400, {"message": "invalid page_token"}, "http_400", "(HTTP 400): invalid page_token."),
        (401, {"message": "unauthorized."}, BAD_KEY, "does not accept the key"),
        (403, {"message": "forbidden."}, BAD_KEY, "does not accept the key"),
        (403, b"Forbidden", BAD_KEY, "does not accept the key"),
        (403, {"message": "subscription does not permit querying recent SIP data"}, PLAN_LIMIT, "15 minutes old"),
        (403, {"message": "subscription does not permit this"}, PLAN_LIMIT, "plan does not cover this"),
        (404, {"message": "endpoint not found."}, "http_404", "(HTTP 404): endpoint not found."),
        (200, {"message": "too many requests.", "code": 42910000}, "refused", "Alpaca answered: too many requests"),
    ],
)
def test_refusals_are_plain_sentences(status: int, body: object, fault: str, words: str) -> None:
    """
    Each refusal of Alpaca has its code and one sentence, and is not asked again.
    """
    told = refusal(body, planned("daily_bars", "AAPL", "BRK.B"), status=status)
    assert (told.fault, told.retry) == (fault, False)
    assert words in told.reason


def test_bare_400_is_not_alpacas_word() -> None:
    """
    A 400 without Alpaca's own form comes from something in between; it may be asked again.
    """
    told = refusal(b"400 Bad Request: Data doesn't exist", status=400)
    assert (told.fault, told.retry) == ("http_400", True)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 422])
def test_keys_in_a_message_are_not_passed_on(status: int) -> None:
    """
    Whatever a vendor repeats, no key comes through into a reason.
    """
    keys = ("PKA1B2C3D4E5F6G7H8I9", "abcDEF123456ghiJKL7890mnoPQRstuVWXyz1234", "gym-key-alpaca", "gym-secret-alpaca")
    for key in keys:
        for body in ({"message": f"invalid symbol: {key}, subscription of {key}"}, {key: f"no {key}"}, [key], key):
            assert key not in refusal(body, status=status).reason


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers(-(2**70), 2**70) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
GOOD = (
    (json.dumps(bars()).encode(), planned()),
    (json.dumps(bars(MINUTES) | {"next_page_token": "abc="}).encode(), planned("minute_bars")),
    (
        json.dumps(
            actions(
                forward_splits=[action(new_rate=2, old_rate=1)],
                cash_dividends=[action(rate=0.25, special=False, payable_date="2024-04-01")],
                stock_dividends=[action(rate=0.05)],
            )
        ).encode(),
        ACTIONS,
    ),
)


def survives(body: bytes, request: Any, status: int = 200) -> None:
    """Reading gives rows or a refusal, and asking for the next page gives a request or None."""
    payload = Payload(status, (), body, NOW)
    with suppress(PayloadRefused):
        assert isinstance(ALPACA.parse(request, payload)[request.dataset], pl.DataFrame)
    ALPACA.next_page(request, payload)


@settings(max_examples=300, deadline=None)
@given(
    told=JSON, at=st.sampled_from(["root", "symbol", "bar", "field", "token"]), status=st.sampled_from([200, 400, 403])
)
def test_any_json_gives_rows_or_a_refusal(told: Any, at: str, status: int) -> None:
    """
    Whatever stands at whatever place of a page, there is no other outcome.
    """
    shapes = {
        "root": told,
        "symbol": {"bars": told, "corporate_actions": told, "message": told},
        "bar": {"bars": {"AAPL": told}, "corporate_actions": {"cash_dividends": told}},
        "field": {
            "bars": {"AAPL": [{"t": told, "o": told, "v": told, "n": told}, bar(DAYS[0], told)]},
            "corporate_actions": {"forward_splits": [action(new_rate=told, old_rate=1, record_date=told)]},
        },
        "token": {"bars": {}, "corporate_actions": {}, "next_page_token": told},
    }
    for _, request in GOOD:
        survives(json.dumps(shapes[at]).encode(), request, status)


def test_cut_and_flipped_bytes_give_rows_or_a_refusal() -> None:
    """
    A good page cut anywhere, or with bytes changed, never does anything else.
    """
    rng = random.Random(3)
    for body, request in GOOD:
        for at in range(0, len(body), 7):
            survives(body[:at], request)
        for _ in range(400):
            spoilt = bytearray(body)
            for _ in range(rng.randint(1, 3)):
                spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
            survives(bytes(spoilt), request)
