"""The recorded payloads of Alpha Vantage: what must come out of each, read a second time here without the source."""

from __future__ import annotations

import csv
import io
import json
from fractions import Fraction
from pathlib import Path

import pytest

from marketkeep.model import Payload
from proofs.corpus_alpha_vantage import SOURCE, request_of, verdicts
from proofs.verdicts import FETCHED, Verdict, body_of, files_of, table

FOLDER = "alpha_vantage/daily_adjusted_csv"
SYMBOLS = ("AAPL", "IBM", "INTC", "MSFT", "SPY")
PRICES = ("open", "high", "low", "close", "volume")
SPLITS = {
    "AAPL": {"2000-06-21": 2, "2005-02-28": 2, "2014-06-09": 7, "2020-08-31": 4},
    "INTC": {"2000-07-31": 2},
    "MSFT": {"2003-02-18": 2},
}


@pytest.fixture(scope="module")
def told(corpus: Path) -> dict[str, Verdict]:
    """The verdicts by path."""
    found = {one.path: one for one in verdicts(corpus)}
    print(*table(found.values()), sep="\n")
    return found


def test_every_file_has_its_verdict(corpus: Path, told: dict[str, Verdict]) -> None:
    """
    Daily series give rows; notes, searches, currencies and lists are refused by what they are.
    """
    assert set(told) == {path.relative_to(corpus).as_posix() for path in files_of(corpus, "alpha_vantage")}
    rows = {Path(path).name.partition(".")[0]: dict(one.rows) for path, one in told.items() if one.rows}
    actions = {"AAPL": 38, "IBM": 85, "INTC": 86, "MSFT": 69, "SPY": 85}
    kept = {f"daily_adjusted_{name}": {"daily_bars": 5303, "actions": count} for name, count in actions.items()}
    assert rows == kept | {"pricehist-ibm-partial-adj": {"daily_bars": 7}}
    faults = {Path(path).name: (one.refused or "").partition(":")[0] for path, one in told.items() if one.refused}
    assert {name for name, fault in faults.items() if fault == "quota"} == {
        "200-information-25-per-day.json",
        "200-note-5-per-minute.json",
    }
    assert {fault for name, fault in faults.items() if not name.startswith("200-")} == {"malformed"}


def test_no_reason_quotes_a_note(told: dict[str, Verdict]) -> None:
    """
    Trap 59: the place of the key in the quoted note is nowhere in what is told of it.
    """
    assert all("XXXX" not in (one.refused or "") for one in told.values())


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_series_is_what_the_file_says(corpus: Path, symbol: str) -> None:
    """
    Traps 59 and 66: every row, dividends as paid and splits exact, compared with a plain CSV reader's.
    """
    path = corpus / FOLDER / f"daily_adjusted_{symbol}.csv.gz"
    frames = SOURCE.parse(request_of(path), Payload(200, (), body_of(path), FETCHED))
    lines = list(csv.DictReader(io.StringIO(body_of(path).decode())))[::-1]
    bars = frames["daily_bars"]
    assert [str(day) for day in bars["date"]] == [line["timestamp"] for line in lines]
    for name in PRICES:
        assert bars[name].to_list() == [float(line[name]) for line in lines]
    assert bars["adj_close"].to_list() == [float(line["adjusted_close"]) for line in lines]
    assert bars["symbol"].unique().to_list() == [symbol]
    paid = {line["timestamp"]: float(line["dividend_amount"]) for line in lines if float(line["dividend_amount"])}
    actions = frames["actions"].rows(named=True)
    assert {str(one["ex_date"]): one["amount"] for one in actions if one["kind"] == "dividend"} == paid
    ratios = {str(o["ex_date"]): Fraction(o["numerator"], o["denominator"]) for o in actions if o["kind"] == "split"}
    assert ratios == SPLITS.get(symbol, {})


def test_prices_are_as_traded(corpus: Path) -> None:
    """
    Over Apple's split of 7:1 the close falls from 645 to 93 dollars; the dividend before it is the one paid then.
    """
    path = corpus / FOLDER / "daily_adjusted_AAPL.csv.gz"
    frames = SOURCE.parse(request_of(path), Payload(200, (), body_of(path), FETCHED))
    closes = {str(day): close for day, close in frames["daily_bars"].select("date", "close").rows()}
    assert (closes["2014-06-06"], closes["2014-06-09"]) == (645.57, 93.7)
    amounts = {str(day): amount for day, amount in frames["actions"].select("ex_date", "amount").rows()}
    assert (amounts["2014-05-08"], amounts["2012-08-09"]) == (3.29, 2.65)


def test_json_series_is_what_the_file_says(corpus: Path) -> None:
    """
    Trap 28: the JSON form's strings, read with nothing but a JSON reader.
    """
    path = corpus / "alpha_vantage/recorded/pricehist-ibm-partial-adj.json"
    told = json.loads(body_of(path))["Time Series (Daily)"]
    bars = SOURCE.parse(request_of(path), Payload(200, (), body_of(path), FETCHED))["daily_bars"]
    assert [str(day) for day in bars["date"]] == sorted(told)
    for row in bars.rows(named=True):
        texts = {name.partition(". ")[2]: text for name, text in told[str(row["date"])].items()}
        assert [row[name] for name in PRICES] == [float(texts[name]) for name in PRICES]
        assert row["adj_close"] == float(texts["adjusted close"])
