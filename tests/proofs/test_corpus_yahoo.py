"""Every recorded answer of Yahoo's comes to rows or to a reason, and the rows are those the file holds."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from marketkeep.model import Payload, Request
from proofs.corpus_yahoo import CHART, YAHOO, verdicts
from proofs.verdicts import FETCHED, Verdict, files_of, table

# Listings abroad and currency pairs are written in ways that a US ticker is not.
ABROAD = ("AZT.OL", "EURUSD", "historical01")
MINUTES = "yahoo/chart/chart-AAPL-2024-10-02-to-2024-10-03-includePrePost-false-interval-1m-rec2024-10-04.json"
# What the root of an answer of another endpoint is called, by folder.
OTHERS = {
    "autoc": {"ResultSet"},
    "fundamentals_timeseries": {"timeseries"},
    "insights": {"finance"},
    "options": {"optionChain"},
    "quote": {"quoteResponse"},
    "quote_summary": {"quoteSummary"},
    "recommendationsBySymbol": {"finance"},
    "screener": {"finance"},
    "search": {"explains"},
    "synthetic_variants": {"explains"},
    "trendingSymbols": {"finance", "optionChain"},
}


@pytest.fixture(scope="module")
def judged(corpus: Path) -> dict[str, Verdict]:
    """Every verdict by path."""
    found = list(verdicts(corpus))
    print("\n".join(table(found)))
    return {one.path: one for one in found}


def test_every_file_has_one_verdict(judged: dict[str, Verdict], corpus: Path) -> None:
    """
    No file is left out, and each comes to rows or to a reason.
    """
    assert sorted(judged) == sorted(path.relative_to(corpus).as_posix() for path in files_of(corpus, "yahoo"))
    assert len(judged) > 280
    for one in judged.values():
        assert (one.refused is None) == bool(one.rows), one.path


def test_charts_are_read(judged: dict[str, Verdict]) -> None:
    """
    Every chart of days or minutes is read, but for those abroad and one of a Saturday, which holds nothing.
    """
    charts = [
        one for one in judged.values() if one.path.startswith(("yahoo/chart/", "yahoo/historical/historical-via"))
    ]
    refused = {one.path: one.refused for one in charts if one.refused}
    empty = [path for path, reason in refused.items() if reason and reason.startswith("empty: ")]
    assert ["2025-02-01" in path for path in empty] == [True]
    for path, reason in refused.items():
        assert path in empty or (any(word in path for word in ABROAD) and str(reason).startswith("wrong_symbol: ")), (
            path
        )
    assert len(charts) - len(refused) == 25
    assert judged["yahoo/chart/pricehist-ibm-long-partial.json"].rows == {"daily_bars": 10, "actions": 17}
    # Yahoo also tells the day at whose first instant the window ends; it was not asked for.
    assert judged["yahoo/chart/chart-BTC-USD-2020-01-01-to-2020-01-03-rec2025.json"].rows == {"daily_bars": 2}


def test_minutes_are_those_of_the_file(judged: dict[str, Verdict], corpus: Path) -> None:
    """
    Trap 58: of 391 rows one is null, and one is the closing price of the next day, which was not asked for.
    """
    result = json.loads((corpus / MINUTES).read_bytes())["chart"]["result"][0]
    quote = result["indicators"]["quote"][0]
    told = [
        (stamp, *(quote[name][at] for name in ("open", "high", "low", "close", "volume")))
        for at, stamp in enumerate(result["timestamp"])
        if quote["close"][at] is not None
    ]
    request = Request("yahoo", "minute_bars", CHART + "AAPL", (), ("AAPL",))
    bars = YAHOO.parse(request, Payload(200, (), (corpus / MINUTES).read_bytes(), FETCHED))["minute_bars"]
    stamps = bars["ts"].dt.epoch("s").to_list()
    values = bars.select("open", "high", "low", "close", "volume").rows()
    assert [(stamp, *row) for stamp, row in zip(stamps, values, strict=True)] == told
    assert len(told) == 390
    assert judged[MINUTES].rows == {"minute_bars": 389}


def test_other_endpoints_are_refused(judged: dict[str, Verdict]) -> None:
    """
    What is no chart never becomes rows; the reason names what it is instead.
    """
    for path, one in judged.items():
        folder = path.split("/")[1]
        if folder in OTHERS:
            reasons = {f"malformed: Yahoo's answer is no chart of bars but {root}." for root in OTHERS[folder]}
            assert one.refused in reasons, path


def test_errors_have_their_codes(judged: dict[str, Verdict]) -> None:
    """
    Trap 58: errors in plain text and under several roots are told apart.
    """
    codes = Counter(
        str(one.refused).partition(":")[0] for path, one in judged.items() if path.startswith("yahoo/errors")
    )
    assert codes == {"not_found": 18, "http_400": 1, "http_401": 1}
    weekend = judged["yahoo/errors/pricehist-test_fetch_no_data_on_weekend-3.txt"]
    assert str(weekend.refused).startswith("not_found")


def test_tables_are_read_by_the_reader_of_files(judged: dict[str, Verdict]) -> None:
    """
    Downloads and exports of days are read; quotes of the moment, minutes, hours, weeks and months are not.
    """
    tables = {path: one for path, one in judged.items() if one.reader == "files"}
    refused = {path for path, one in tables.items() if one.refused}
    assert refused == {
        path for path in tables if any(part in path for part in ("IDay", "QuoteRequest-", "-1h-", "-1wk-"))
    } - {"yahoo/legacy_csv/historicalQuoteRequest-TSLA_1Y_D.csv"}
    assert judged["yahoo/download_csv/orcl-1995-2014.csv.gz"].rows == {"daily_bars": 5036}
    assert judged["yahoo/historical/historical-MSFT-dividends-2021-02-01-to-2022-01-31-rec2022-11-14.csv"].rows == {
        "actions": 4
    }
