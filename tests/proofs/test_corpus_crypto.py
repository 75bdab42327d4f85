"""Every recorded answer of the crypto exchanges comes to rows or to a reason, and the rows are those the file holds."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from marketkeep.model import Payload, Query, Request
from proofs.corpus_crypto import BINANCE, COINBASE, verdicts
from proofs.verdicts import FETCHED, Verdict, files_of, table

VALUES = ["open", "high", "low", "close", "volume"]
KLINES = "binance/rest/http_spot_market_klines.json"
BULK = "binance/bulk_csv/ADABTC-1m-2021-11-27.csv"
# The beginning of each reason, by a part of the path; everything else is read.
REFUSED = {
    "BTCUSDT-1d.csv": "'1685577600000' is not a date in any known form",
    "BTCUSDT-1m-2020-12-01": "intraday bars: not a daily file",
    "BTCUSDT-1m.csv": "'1709251200000' is not a date in any known form",
    "BTCUSDT_5m": "intraday bars: not a daily file",
    "429-weight": "quota: Binance has been asked too often",
    "exchange_info": "malformed: Binance's answer is no list of candles",
    "market_time": "malformed: Binance's answer is no list of candles",
    "market_trades": "malformed: Binance's answer is no list of candles",
    "from_before_start": "empty: Coinbase has no candles",
    "unknown_base": "not_found: Coinbase has no product",
    "currencies": "malformed: Coinbase's answer is no list of candles",
    "http_candles": "wrong_interval: The candles from Coinbase are of another interval",
    "products": "malformed: Coinbase's answer is no list of candles",
}


@pytest.fixture(scope="module")
def judged(corpus: Path) -> dict[str, Verdict]:
    """Every verdict by path."""
    found = list(verdicts(corpus))
    print("\n".join(table(found)))
    return {one.path: one for one in found}


def test_every_file_is_read_or_refused_as_expected(judged: dict[str, Verdict], corpus: Path) -> None:
    """
    No file is left out; none is refused without being expected to be, and none that should be is read.
    """
    files = [*files_of(corpus, "binance"), *files_of(corpus, "coinbase")]
    assert sorted(judged) == sorted(path.relative_to(corpus).as_posix() for path in files)
    for path, one in judged.items():
        expected = next((reason for part, reason in REFUSED.items() if part in path), None)
        assert (one.refused is None) == (expected is None), path
        assert (expected or "") in (one.refused or ""), path
    assert {path: one.rows for path, one in judged.items() if one.rows} == {
        BULK: {"minute_bars": 10},
        KLINES: {"minute_bars": 10},
        "coinbase/recorded/pricehist-2020-01-01--2020-10-16.json": {"daily_bars": 2},
        "coinbase/recorded/pricehist-2020-10-17--2021-01-07.json": {"daily_bars": 2},
    }


def test_binances_candles_are_those_of_the_file(corpus: Path) -> None:
    """
    Trap 65: texts become the numbers they say, in both of Binance's forms.
    """
    texts = (corpus / BULK).read_text().split()
    for name, pair, rows in (
        (KLINES, "BTC-USDT", json.loads((corpus / KLINES).read_bytes())),
        (BULK, "ADA-BTC", [line.split(",") for line in texts]),
    ):
        request = Request("binance", "minute_bars", "", (), (pair,))
        bars = BINANCE.parse(request, Payload(200, (), (corpus / name).read_bytes(), FETCHED))["minute_bars"]
        told = [
            (datetime.fromtimestamp(int(row[0]) // 1000, UTC), *map(float, row[1:6]), int(row[8]), pair) for row in rows
        ]
        assert bars.select("ts", *VALUES, "trade_count", "symbol").rows() == told


def test_coinbases_candles_are_those_of_the_file(corpus: Path) -> None:
    """
    Trap 65: low and high come before open and close, the newest first.
    """
    body = (corpus / "coinbase/recorded/pricehist-2020-01-01--2020-10-16.json").read_bytes()
    request = COINBASE.plan(Query("daily_bars", ("BTC-USD",), date(2020, 1, 1), date(2020, 10, 17), FETCHED))[0]
    bars = COINBASE.parse(request, Payload(200, (), body, FETCHED))["daily_bars"]
    assert bars.select("date", *VALUES).rows() == [
        (date(2020, 1, 1), 6400.02, 6471.44, 6388.91, 6410.22, 491.94797816),
        (date(2020, 10, 16), 9828.84, 9860.0, 9588.0, 9672.41, 1068.08144123),
    ]
