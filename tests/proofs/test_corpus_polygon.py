"""What our source makes of each of Polygon's recorded answers, checked against a second reading of the files."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from marketkeep.errors import PayloadRefused
from marketkeep.model import Payload
from proofs.corpus_polygon import POLYGON, daily, dividends, splits, verdicts
from proofs.verdicts import FETCHED, Verdict, table

READ = {"v3_reference_splits.json": {"actions": 10}, "v3_reference_dividends.json": {"actions": 10}}
RECORDED = "recorded/aggs-AAPL-1day-2023-01-01_2023-01-10-desc.json"
MOCKED = "mocks/v2_aggs_ticker_AAPL_range_1_day_2005-04-01_2005-04-04.json"


@pytest.fixture(scope="module")
def told(corpus: Path) -> list[Verdict]:
    """A verdict for every file."""
    return list(verdicts(corpus))


def as_traded(corpus: Path, name: str) -> tuple[Payload, list[dict[str, float]]]:
    """A recorded answer as if it had been asked for unadjusted, and its bars by another reader."""
    body = (corpus / "polygon" / name).read_bytes()
    told = body.replace(b'"adjusted":true', b'"adjusted":false').replace(b'"adjusted": true', b'"adjusted": false')
    assert told != body
    return Payload(200, (), told, FETCHED), json.loads(body)["results"]


def test_every_file_has_a_verdict(corpus: Path, told: list[Verdict]) -> None:
    """Each file is parsed into rows or refused with a reason; the table names them all."""
    files = [path for path in (corpus / "polygon").rglob("*.json") if path.name != "index.jsonl"]
    assert sorted(one.path for one in told) == sorted(path.relative_to(corpus).as_posix() for path in files)
    assert [one.path for one in told if bool(one.rows) is bool(one.refused)] == []
    lines = list(table(told))
    print(*lines, sep="\n")
    assert len(lines) == 29


def test_only_splits_and_dividends_give_rows(told: list[Verdict]) -> None:
    """What other endpoints answer is never parsed into rows."""
    assert {Path(one.path).name: dict(one.rows) for one in told if one.rows} == READ


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ("401-no-key", "bad_key"),
        ("403-not-entitled", "plan_limit"),
        ("429-rate-limit", "quota"),
        ("recorded/", "wrong_basis"),
        ("v2_aggs", "wrong_basis"),
        ("v1_", "malformed"),
        ("v2_reference_news", "malformed"),
        ("v2_snapshot", "malformed"),
        ("v3_quotes", "malformed"),
        ("v3_reference_tickers", "malformed"),
        ("v3_reference_options", "malformed"),
        ("v3_reference_conditions", "malformed"),
        ("v3_reference_exchanges", "malformed"),
        ("vX_", "malformed"),
    ],
)
def test_refusals_name_what_was_found(told: list[Verdict], part: str, code: str) -> None:
    """An error has the code of what it means; what answers another question is called that."""
    refused = [one.refused or "" for one in told if part in one.path]
    assert refused
    assert [reason for reason in refused if not reason.startswith(f"{code}: Polygon")] == []


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [(RECORDED, date(2023, 1, 1), date(2023, 1, 11)), (MOCKED, date(2005, 4, 1), date(2005, 4, 5))],
)
def test_recorded_bars_are_read_field_by_field(corpus: Path, name: str, start: date, end: date) -> None:
    """Traps 21 and 61: refused as adjusted; unadjusted, each field of each bar is the file's, newest first or not."""
    payload, bars = as_traded(corpus, name)
    frame = POLYGON.parse(daily(start, end), payload)["daily_bars"]
    assert frame.select("open", "high", "low", "close", "volume").rows() == [
        tuple(bar[field] for field in "ohlcv") for bar in bars
    ]
    # Midnight in New York is four or five hours after midnight UTC.
    days = [(datetime.fromtimestamp(bar["t"] / 1000, UTC) - timedelta(hours=4)).date() for bar in bars]
    assert frame["date"].to_list() == days
    with pytest.raises(PayloadRefused, match="adjusted for splits"):
        POLYGON.parse(daily(start, end), Payload(200, (), (corpus / "polygon" / name).read_bytes(), FETCHED))


def test_the_recorded_volume_with_an_exponent(corpus: Path) -> None:
    """Trap 61: 6.3896155e+07 shares on 2023-01-10."""
    payload, _ = as_traded(corpus, RECORDED)
    frame = POLYGON.parse(daily(date(2023, 1, 10), date(2023, 1, 11)), payload)["daily_bars"]
    assert frame.select("date", "close", "volume").rows() == [(date(2023, 1, 10), 130.73, 63896155.0)]


def test_recorded_splits(corpus: Path) -> None:
    """Trap 23: one split of SHOP is told with two dates; which is right, other witnesses say."""
    path = corpus / "polygon" / "mocks" / "v3_reference_splits.json"
    frame = POLYGON.parse(splits(), Payload(200, (), path.read_bytes(), FETCHED))["actions"]
    found = {
        (row[0], str(row[1])): row[2:] for row in frame.select("symbol", "ex_date", "numerator", "denominator").rows()
    }
    recorded = json.loads(path.read_bytes())["results"]
    assert found == {(r["ticker"], r["execution_date"]): (r["split_to"], r["split_from"]) for r in recorded}
    assert sorted(day for symbol, day in found if symbol == "SHOP") == ["2022-06-22", "2022-06-29"]
    assert found["BRW", "2022-05-20"] == (1, 2)


def test_recorded_dividends(corpus: Path) -> None:
    """Each amount and each of the four days is the file's; no currency is told, so none is known."""
    path = corpus / "polygon" / "mocks" / "v3_reference_dividends.json"
    frame = POLYGON.parse(dividends(), Payload(200, (), path.read_bytes(), FETCHED))["actions"]
    columns = ("symbol", "ex_date", "amount", "declared_date", "record_date", "pay_date")
    names = ("ticker", "ex_dividend_date", "cash_amount", "declaration_date", "record_date", "pay_date")
    recorded = json.loads(path.read_bytes())["results"]
    assert [tuple(map(str, row)) for row in frame.select(columns).rows()] == [
        tuple(str(one[name]) for name in names) for one in recorded
    ]
    assert (frame["kind"].unique().to_list(), frame["currency"].null_count()) == (["dividend"], 10)
