"""The recorded payloads of Alpaca: what must come out of each, read a second time here without the source."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from marketkeep.model import Payload
from proofs.corpus_alpaca import SOURCE, request_of, verdicts
from proofs.verdicts import FETCHED, Verdict, body_of, files_of, table

ROWS = {
    "alpaca/market_data/GetBars_Adjustment-1.json": {"daily_bars": 2},
    "alpaca/market_data/GetCryptoBars-1.json": {"minute_bars": 11},
    "alpaca/py_client/get_bars_desc-1.json": {"daily_bars": 3},
    "alpaca/py_client/get_corporate_actions-1.json": {"actions": 5},
    "alpaca/py_client/get_corporate_actions-2.json": {"actions": 1},
}
REFUSED = {
    "alpaca/errors_quoted/403-recent-sip.json": "plan_limit: Alpaca's free plan",
    "alpaca/market_data/GetBars-1.json": "malformed: not daily bars: one of AMZN begins at 12:00 America/New_York",
    "alpaca/market_data/GetCryptoMultiBars-1.json": "malformed: two different bars of BCH-USD",
    "alpaca/market_data/LatestBar_Currency-1.json": "malformed: not daily bars in US dollars: the answer is in MXN",
    "alpaca/py_client/get_bars-1.json": "wrong_symbol: asked for AAPL",
    "alpaca/py_client/get_bars_single_empty_response-1.json": "empty: Alpaca has no bars",
    "alpaca/py_client/get_crypto_bars-1.json": "malformed: not daily bars: one of BTC-USD begins at 05:00 UTC",
    "alpaca/trading_api/DefaultDo_Error-1.json": "http_422: Alpaca refused the request",
}
NAMES = {"o": "open", "h": "high", "l": "low", "c": "close", "v": "volume"}


@pytest.fixture(scope="module")
def told(corpus: Path) -> dict[str, Verdict]:
    """The verdicts by path."""
    found = {one.path: one for one in verdicts(corpus)}
    print(*table(found.values()), sep="\n")
    return found


def test_every_file_has_its_verdict(corpus: Path, told: dict[str, Verdict]) -> None:
    """
    Each file is parsed or refused; only bars and actions give rows.
    """
    files = {path.relative_to(corpus).as_posix() for path in files_of(corpus, "alpaca")}
    assert set(told) == files
    assert {path: one.rows for path, one in told.items() if one.rows} == ROWS
    assert all(bool(one.rows) != bool(one.refused) for one in told.values())


def test_reasons_fit(told: dict[str, Verdict]) -> None:
    """
    What is refused says why; other endpoints' answers are named by what they hold.
    """
    for path, words in REFUSED.items():
        assert (told[path].refused or "").startswith(words), path
    for path, one in told.items():
        for word in ("Quote", "Trade", "trades", "Snapshot", "Chain", "news"):
            if word in path and path not in REFUSED:
                assert "the answer holds" in (one.refused or ""), path


@pytest.mark.parametrize("path", [path for path in ROWS if "ars" in path])
def test_bars_are_what_the_file_says(corpus: Path, path: str) -> None:
    """
    Field by field, read with nothing but a JSON reader.
    """
    request = request_of(corpus / path)
    body = body_of(corpus / path)
    frame = SOURCE.parse(request, Payload(200, (), body, FETCHED))[request.dataset]
    for spelled, rows in json.loads(body)["bars"].items():
        ours = frame.filter(symbol=spelled.replace("/", "-"))
        for row, told in zip(ours.rows(named=True), sorted(rows, key=lambda one: one["t"]), strict=True):
            assert {name: row[name] for name in NAMES.values()} == {name: told[key] for key, name in NAMES.items()}
            if request.dataset == "minute_bars":
                assert (row["vwap"], row["trade_count"], row["feed"]) == (told["vw"], told["n"], "alpaca")
                assert row["ts"] == datetime.fromisoformat(told["t"]).astimezone(UTC)
            else:
                assert row["date"].isoformat() == told["t"][:10]


def test_actions_are_what_the_file_says(corpus: Path) -> None:
    """
    A reverse and a forward split, a stock dividend, cash and a spin-off, each on its ex-date.
    """
    found = {}
    for number in (1, 2):
        path = corpus / f"alpaca/py_client/get_corporate_actions-{number}.json"
        frame = SOURCE.parse(request_of(path), Payload(200, (), body_of(path), FETCHED))["actions"]
        for row in frame.rows(named=True):
            ratio = row["numerator"] and f"{row['numerator']}:{row['denominator']}"
            found[row["symbol"]] = (str(row["ex_date"]), row["kind"], ratio, row["amount"], str(row["pay_date"]))
    assert found == {
        "MNTS": ("2023-08-24", "split", "1:50", None, "None"),
        "SRE": ("2023-08-22", "split", "2:1", None, "2023-08-21"),
        "MSBC": ("2023-05-19", "split", "21:20", None, "2023-05-05"),
        "FCF": ("2023-05-04", "dividend", None, 0.125, "2023-05-19"),
        "JUPW": ("2023-08-15", "spin_off", None, None, "None"),
        "ZMTBY": ("2024-08-07", "dividend", None, 0.086928, "2024-08-26"),
    }


def test_tokens_lead_on(corpus: Path) -> None:
    """
    Trap 60: a page with a token is continued, one without is not.
    """
    following = {}
    for path in files_of(corpus, "alpaca"):
        request = request_of(path)
        after = SOURCE.next_page(request, Payload(200, (), body_of(path), FETCHED))
        following[path.name] = dict(after.params)["page_token"] if after else None
    assert following["GetBars_Adjustment-1.json"] == "R0V8RHwxNzEyMTE2ODAwMDAwMDAwMDAw"
    assert following["get_corporate_actions-1.json"].startswith("MDA3Q1ZS")
    assert following["get_corporate_actions-2.json"] is None
    assert following["GetCryptoBars-1.json"] is None
