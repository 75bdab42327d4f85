"""The alpha_vantage client, pointed at the same bytes over a real socket, tells the same series as our parse does."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gym.alpha_vantage import KEY
from gym.scripted import Step, scripted
from gym.server import serve
from gym.vendors import some_vendors
from marketkeep.model import Payload, Query
from marketkeep.sources.alpha_vantage import AlphaVantage
from proofs.corpus_alpha_vantage import request_of
from proofs.verdicts import FETCHED, body_of

timeseries = pytest.importorskip("alpha_vantage.timeseries", reason="the client is compared with where it is installed")

_PRICES = ("open", "high", "low", "close", "volume")


@pytest.fixture
def client_at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client at another address; it has no setting for one."""

    def at(url: str, form: str = "json") -> Any:
        monkeypatch.setattr(timeseries.av, "_ALPHA_VANTAGE_API_URL", f"{url}/query?")
        return timeseries.TimeSeries(key=KEY, output_format=form)

    return at


def theirs(data: dict[str, dict[str, str]]) -> dict[str, list[float]]:
    """A series by day: open, high, low, close, volume as numbers."""
    found = {}
    for day, row in data.items():
        texts = {name.partition(". ")[2]: text for name, text in row.items()}
        found[day] = [float(texts[name]) for name in _PRICES]
    return found


def test_series_of_the_gym(client_at: Any) -> None:
    """
    The last hundred sessions of some symbols, as the client and as the source read them.
    """
    with serve(symbols=6, years=2, vendors=some_vendors("alpha_vantage")) as gym:
        client = client_at(f"{gym.url}/www.alphavantage.co")
        for symbol in ("BRK.B", "NA", "NULL"):
            data, _ = client.get_daily(symbol.replace(".", "-"), outputsize="compact")
            source = AlphaVantage()
            (request,) = source.plan(Query("daily_bars", (symbol,), date(2024, 8, 14), date(2025, 1, 1), gym.now))
            params = dict(request.params) | {"apikey": KEY}
            reply, _ = gym.respond("/www.alphavantage.co/query", params)
            bars = source.parse(request, Payload(reply.status, (), reply.body, gym.now))["daily_bars"]
            ours = {str(row["date"]): [row[name] for name in _PRICES] for row in bars.rows(named=True)}
            assert ours == {day: row for day, row in theirs(data).items() if day >= "2024-08-14"}
            assert len(ours) > 90


def test_recorded_series(client_at: Any, corpus: Path) -> None:
    """
    The recorded adjusted series in JSON.
    """
    path = corpus / "alpha_vantage/recorded/pricehist-ibm-partial-adj.json"
    body = body_of(path)
    bars = AlphaVantage().parse(request_of(path), Payload(200, (), body, FETCHED))["daily_bars"]
    with scripted(Step(body=body)) as server:
        data, _ = client_at(server.url).get_daily_adjusted("IBM")
    ours = {str(row["date"]): [row[name] for name in _PRICES] for row in bars.rows(named=True)}
    assert ours == theirs(data)


@pytest.mark.parametrize("symbol", ["AAPL", "INTC"])
def test_recorded_csv(client_at: Any, corpus: Path, symbol: str) -> None:
    """
    A recorded whole history in CSV.
    """
    path = corpus / f"alpha_vantage/daily_adjusted_csv/daily_adjusted_{symbol}.csv.gz"
    body = body_of(path)
    bars = AlphaVantage().parse(request_of(path), Payload(200, (), body, FETCHED))["daily_bars"]
    with scripted(Step(body=body)) as server:
        lines, _ = client_at(server.url, "csv").get_daily_adjusted(symbol, outputsize="full")
    header, *rows = lines
    told = {row[0]: [float(row[header.index(name)]) for name in _PRICES] for row in rows}
    assert {str(row["date"]): [row[name] for name in _PRICES] for row in bars.rows(named=True)} == told
