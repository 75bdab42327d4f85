"""Every recorded answer of Yahoo is read as yfinance reads it, or refused with a reason."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars as pl
import pytest
import yfinance
from curl_cffi import requests
from yahoo_charts import FETCHED, PRICES, parse

from gym import FaultPlan, Gym
from gym.wire import Ask, Reply
from marketkeep.errors import BadSymbol, PayloadRefused
from marketkeep.model import Symbol

FOLDERS = ("chart", "historical", "errors", "errors_quoted")


def recorded(corpus: Path) -> Iterator[tuple[str, int, bytes, str]]:
    """Name, status, body and symbol asked for of every JSON or text answer kept."""
    for folder in FOLDERS:
        root = corpus / "yahoo" / folder
        told = [json.loads(line) for line in (root / "index.jsonl").read_text().splitlines()]
        listed = {one["file"]: one for one in told}
        for path in sorted(root.iterdir()):
            if path.suffix == ".csv" or path.name == "index.jsonl":
                continue
            entry = listed.get(path.name, {})
            body = path.read_bytes()
            symbol = urlsplit(entry.get("url", "")).path.rsplit("/", 1)[-1]
            status = int(entry.get("status") or (int(body[:3]) if body[:3].isdigit() else 200))
            result = json.loads(body).get("chart", {}).get("result") if body.startswith(b"{") else None
            yield f"{folder}/{path.name}", status, body, result[0]["meta"]["symbol"] if result else symbol


def test_every_recorded_answer_is_read_or_refused(corpus: Path) -> None:
    """
    Each kept answer of Yahoo comes to rows or to a reason; the table is in the output.
    """
    outcomes = {}
    for name, status, body, told in recorded(corpus):
        try:
            symbol = str(Symbol.parse(told))
        except BadSymbol:
            symbol = "AAPL"
        try:
            frames = parse(body, symbol, status=status)
            outcomes[name] = f"{frames['daily_bars'].height} bars, {frames['actions'].height} actions"
        except PayloadRefused as refusal:
            outcomes[name] = f"{refusal.fault}: {refusal.reason}"
    for name, outcome in outcomes.items():
        print(f"{name}  ->  {outcome}")
    faults = {name: outcome.partition(":")[0] for name, outcome in outcomes.items() if " bars" not in outcome}
    read = {name for name in outcomes if name not in faults}
    assert len(outcomes) > 45
    assert len(read) > 20
    refused_charts = {name: code for name, code in faults.items() if not name.startswith("errors")}
    for name, code in refused_charts.items():
        expected = "wrong_interval" if "interval-1m" in name else "wrong_symbol"
        # Listings abroad and currency pairs are written in ways that a US ticker is not.
        assert code == expected, name
        assert expected == "wrong_interval" or any(one in name for one in ("OL", "EURUSD", "historical01"))
    assert {code for name, code in faults.items() if name.startswith("errors/")} == {"not_found", "http_400"}
    assert faults["errors/pricehist-test_fetch_no_data_in_past-1.txt"] == "not_found"
    assert faults["errors/pricehist-test_fetch_no_data_on_weekend-3.txt"] == "not_found"
    assert faults["errors_quoted/401-invalid-crumb.json"] == "http_401"
    assert faults["errors_quoted/404-not-found.json"] == "not_found"


class Said:
    """A Yahoo that answers every chart with the same bytes."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def symbol_of(self, path: str) -> str | None:
        """Any chart's."""
        return path.rsplit("/", 1)[-1] if "/chart/" in path else None

    def path_for(self, path: str, symbol: str) -> str:
        """The same path for another symbol."""
        return f"{path.rsplit('/', 1)[0]}/{symbol}"

    def answer(self, ask: Ask) -> Reply | None:
        """The bytes, or nothing for what is no chart."""
        return Reply(200, self._body) if "/chart/" in ask.path else None


def read_by_yfinance(body: bytes, symbol: str, start: str, cache: Path) -> pl.DataFrame:
    """What yfinance's own `history` makes of the bytes, by session."""

    class Session(requests.Session):
        def request(self, method: Any, url: str, **options: Any) -> Any:
            return super().request(method, gym.url + url.split(str(urlsplit(url).hostname), 1)[1], **options)

    yfinance.set_tz_cache_location(str(cache))
    gym = Gym([Said(body)], truth=None, plan=FaultPlan(), now=FETCHED)
    try:
        with Session(impersonate="chrome") as session:
            ticker = yfinance.Ticker(symbol, session=session)
            frame = ticker.history(start=start, end="2025-06-02", auto_adjust=False, actions=True)
    finally:
        gym.close()
    columns = {name: frame[name].to_numpy(dtype=float) for name in frame.columns}
    return pl.DataFrame({"date": frame.index.date.tolist(), **columns}).fill_nan(None)


COMPARED = [
    "chart/chart-AAPL-2020-01-01-to-2020-01-03-rec2025.json",
    "chart/chart-AAPL-2020-08-31-to-2020-11-07-rec2022-03-06.json",
    "chart/chart-AAPL-2020-08-31-to-2020-11-07-rec2025.json",
    "chart/chart-BTC-USD-2020-01-01-to-2020-01-03-rec2025.json",
    "chart/pricehist-tsla-recent.json",
    "historical/historical-via-chart-MSFT-dividends-2021-02-01-to-2022-01-31-rec2025.json",
]


@pytest.mark.parametrize("name", COMPARED)
def test_read_as_yfinance_reads_it(name: str, corpus: Path, tmp_path: Path) -> None:
    """
    OHLCV, adjusted close, dividends and splits are, field by field, what yfinance reads from the same bytes.
    """
    path = corpus / "yahoo" / name
    body = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    symbol = json.loads(body)["chart"]["result"][0]["meta"]["symbol"]
    frames = parse(body, str(Symbol.parse(symbol)))
    # yfinance remembers answers by what was asked, so no two of these ask for the same.
    theirs = read_by_yfinance(body, symbol, f"1990-01-{COMPARED.index(name) + 1:02}", tmp_path)
    # yfinance gives an event a row of its own where its session has no bar; such a row holds nothing else.
    priced = theirs.filter(pl.any_horizontal(pl.col("Open", "High", "Low", "Close").is_not_null()))
    ours = frames["daily_bars"]
    assert ours["date"].to_list() == priced["date"].to_list()
    for mine, other in zip(
        (*PRICES, "adj_close"), ("Open", "High", "Low", "Close", "Volume", "Adj Close"), strict=True
    ):
        assert ours[mine].to_list() == priced[other].to_list(), mine
    actions = frames["actions"]
    dividends = theirs.filter(pl.col("Dividends") != 0).select("date", "Dividends").rows()
    splits = theirs.filter(pl.col("Stock Splits") != 0).select("date", "Stock Splits").rows()
    assert actions.filter(pl.col("kind") != "split").select("ex_date", "amount").rows() == dividends
    ratio = pl.col("numerator") / pl.col("denominator")
    assert actions.filter(kind="split").select("ex_date", ratio).rows() == splits
