"""Fundamentals of real companies against edgartools, which reads the same company facts; and no look-ahead."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import orjson
import polars as pl
import pytest

from fact_keep import FactKeep
from fact_rows import LINEAGE, lineage
from marketkeep.gold.fundamentals import newest_filings, resolve_fundamentals
from marketkeep.gold.fundamentals.available import with_available
from marketkeep.model import RAW_TABLES, Payload, Request
from marketkeep.sources.sec import Sec
from proofs.fundamentals_explained import CHOICES, DIFFERENCES, REPORTED, ROUNDED, TWO_BASES, WITHDRAWN
from proofs.verdicts import body_of

pytestmark = pytest.mark.slow
READER = Path(__file__).with_name("edgartools_figures.py")
METRICS = (
    *("revenue", "net_income", "assets", "liabilities", "equity"),
    *("eps_basic", "eps_diluted", "shares_basic", "shares_diluted", "shares_outstanding"),
)
SYMBOLS = {
    1750: "AIR",
    19617: "JPM",
    22701: "SUNE",
    63908: "MCD",
    104169: "WMT",
    320193: "AAPL",
    354950: "HD",
    909832: "COST",
    1336917: "UA",
    1637459: "KHC",
    1640147: "SNOW",
    1652044: "GOOGL",
}
NOW = datetime(2026, 7, 9, 12, tzinfo=UTC)
FIGURE = ["symbol", "metric", "kind", "end"]
VERSIONS = ("first", "latest")


def recorded(corpus: Path, folder: str, dataset: str) -> dict[str, pl.DataFrame]:
    """The raw rows of every recorded answer of a folder, as our source reads them."""
    path = "api/xbrl/companyfacts" if dataset == "facts" else "submissions"
    found: dict[str, list[pl.DataFrame]] = {}
    for file in sorted((corpus / "sec" / folder).glob("CIK*.json.gz")):
        company = file.name[:13]
        request = Request("sec", dataset, f"https://data.sec.gov/{path}/{company}.json", (), (company,))
        for name, frame in Sec().parse(request, Payload(200, (), body_of(file), NOW)).items():
            found.setdefault(name, []).append(frame)
    return {name: pl.concat(frames) for name, frames in found.items()}


@pytest.fixture(scope="module")
def raw(corpus: Path) -> dict[str, pl.DataFrame]:
    """Raw facts, filings and companies with their lineage."""
    found = recorded(corpus, "companyfacts", "facts") | recorded(corpus, "submissions", "filings")
    beside = {name: pl.lit(value) for name, value in lineage().items()}
    wanted = {name: {**RAW_TABLES[name].schema, **LINEAGE} for name in found}
    return {
        name: frame.with_columns(**beside).select(pl.col(column).cast(dtype) for column, dtype in wanted[name].items())
        for name, frame in found.items()
    }


@pytest.fixture(scope="module")
def ours(raw: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """Every version of every figure."""
    rows = resolve_fundamentals(raw["facts"], raw["filings"], raw["companies"]).rows
    return rows.with_columns(symbol=pl.col("cik").replace_strict(SYMBOLS))


@pytest.fixture(scope="module")
def theirs(corpus: Path, ours: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    """What edgartools makes of first and of latest tellings: symbol, name (a concept or metric), kind, end, theirs."""
    if find_spec("edgar") is None:
        pytest.skip("edgartools is not installed")
    folder = tmp_path_factory.mktemp("figures")
    mine = ours.filter(pl.col("metric").is_in(METRICS) & ~pl.col("concept").str.contains(" "))
    concepts = {*mine["concept"], "TemporaryEquityCarryingAmountAttributableToParent"}
    concepts |= {*ours.filter(pl.col("metric").is_in(["temporary_equity", "minority_interest"]))["concept"]}
    files = sorted((corpus / "sec" / "companyfacts").glob("*.gz"))
    places = ("HOME", "EDGAR_LOCAL_DATA_DIR", "EDGAR_CACHE_DIR")
    env = {**os.environ, **dict.fromkeys(places, str(folder)), "EDGAR_IDENTITY": "Marketkeep Test test@example.org"}
    found = {}
    for version in VERSIONS:
        command = [sys.executable, "-W", "ignore", READER, folder, version, ",".join(sorted(concepts)), *files]
        subprocess.run(command, env=env, check=True, timeout=240, capture_output=True)
        rows = [
            (SYMBOLS[int(path.stem.rpartition("-")[2])], *row)
            for path in sorted(folder.glob(f"{version}-*.json"))
            for row in orjson.loads(path.read_bytes())
        ]
        schema = {"symbol": pl.String, "name": pl.String, "kind": pl.String, "end": pl.String, "theirs": pl.Float64}
        found[version] = pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.col("end").str.to_date())
    return found


def chosen(ours: pl.DataFrame, version: str) -> pl.DataFrame:
    """One row a figure: the first version, or the latest."""
    named = ours.filter(pl.col("metric").is_in(METRICS) & (pl.col("period") != "TTM"))
    kind = pl.when(pl.col("period").str.starts_with("Q")).then(pl.lit("quarter")).otherwise("period")
    ordered = named.with_columns(kind=kind, end=pl.col("period_end")).sort(*FIGURE, "available_at", "accession")
    return ordered.unique(FIGURE, keep="first" if version == "first" else "last", maintain_order=True)


def compared(ours: pl.DataFrame, theirs: pl.DataFrame, version: str) -> pl.DataFrame:
    """Our figures of a version beside those that edgartools makes of the same concept; `same` to a millionth."""
    mine = chosen(ours, version)
    told = mine.join(
        theirs, left_on=["symbol", "concept", "kind", "end"], right_on=["symbol", "name", "kind", "end"], how="left"
    )
    made = pl.col("concept").str.contains(" ")
    summed = [_summed(mine, theirs, row) for row in told.filter(made).iter_rows(named=True)]
    whole = pl.concat([told.filter(~made), told.filter(made).with_columns(theirs=pl.Series(summed, dtype=pl.Float64))])
    off = (pl.col("value") - pl.col("theirs")).abs()
    return whole.with_columns(same=(off <= 1e-6 * pl.col("theirs").abs()).fill_null(value=False)).sort(FIGURE)


def _summed(mine: pl.DataFrame, theirs: pl.DataFrame, row: dict[str, object]) -> float | None:
    """Liabilities that no filing tells, from edgartools' figures of the same balance: assets less all equity."""
    here = theirs.filter(
        (pl.col("symbol") == row["symbol"]) & (pl.col("end") == row["end"]) & (pl.col("kind") == "instant")
    )
    values = dict(here.select("name", "theirs").iter_rows())
    both = "StockholdersEquityIncludingPortionAttributableToNoncontrollingInterest"
    equity = values.get(both, values.get("StockholdersEquity"))
    temporary = sum(
        values.get(name, 0.0) for name in values if str(name).startswith(("TemporaryEquity", "RedeemableNon"))
    )
    takes = temporary if "temporary" in str(row["concept"]) else 0.0
    return None if equity is None or "Assets" not in values else values["Assets"] - equity - takes


@pytest.mark.parametrize("version", VERSIONS)
def test_figures_agree_with_edgartools(
    ours: pl.DataFrame, theirs: dict[str, pl.DataFrame], version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """
    Of the quarters, years and instants of twelve companies 99 % or more are the same; every other one is explained.
    """
    both = compared(ours, theirs[version], version)
    table = both.group_by("metric").agg(
        figures=pl.len(),
        made_by_both=pl.col("theirs").is_not_null().sum(),
        same=pl.col("same").sum(),
        percent=(pl.col("same").sum() / pl.col("theirs").is_not_null().sum() * 100).round(2),
    )
    with capsys.disabled(), pl.Config(tbl_rows=20, tbl_hide_dataframe_shape=True):
        print(f"\n{version} tellings:\n{table.sort('metric')}")
    other = both.filter(~pl.col("same"))
    found = {(symbol, metric, str(end)) for symbol, metric, end in other.select("symbol", "metric", "end").iter_rows()}
    assert found == set(DIFFERENCES[version])
    assert both.filter(pl.col("theirs").is_not_null())["same"].mean() >= 0.99
    assert both.height > 7000
    assert set(both["symbol"]) == set(SYMBOLS.values())


def told_quarters(raw: dict[str, pl.DataFrame], row: dict[str, object]) -> list[float]:
    """What periodic reports tell themselves of the quarter of a figure, by its concept, in the order of filing."""
    days = (pl.col("end") - pl.col("start")).dt.total_days() + 1
    of = (pl.col("cik") == row["cik"]) & (pl.col("concept") == row["concept"]) & (pl.col("end") == row["end"])
    return raw["facts"].filter(of & days.is_between(70, 125)).sort("filed")["value"].to_list()


def told_last(raw: dict[str, pl.DataFrame], row: dict[str, object]) -> list[float]:
    """The year that ends with a figure's quarter and the nine months before it, both as told last."""
    days = (pl.col("end") - pl.col("start")).dt.total_days() + 1
    mine = raw["facts"].filter((pl.col("cik") == row["cik"]) & (pl.col("concept") == row["concept"])).sort("filed")
    year = mine.filter((pl.col("end") == row["end"]) & days.is_between(340, 380)).tail(1)
    same = mine.join(year.select("cik", "start"), on=["cik", "start"], how="semi")
    return [*year["value"], *same.filter(days.is_between(240, 290)).tail(1)["value"]]


def test_reasons_hold(ours: pl.DataFrame, theirs: dict[str, pl.DataFrame], raw: dict[str, pl.DataFrame]) -> None:
    """
    Each reason is looked at in the facts themselves: a quarter that is told is ours, no filing tells theirs, and a
    difference of ours is of the year and the nine months that were told last.
    """
    both = compared(ours, theirs["latest"], "latest").filter(~pl.col("same"))
    seen = dict.fromkeys((REPORTED, ROUNDED, TWO_BASES, WITHDRAWN), 0)
    for row in both.iter_rows(named=True):
        reason = DIFFERENCES["latest"][row["symbol"], row["metric"], str(row["end"])]
        if reason in seen:
            seen[reason] += 1
        told = told_quarters(raw, row)
        if reason == REPORTED:
            assert told[-1] == row["value"], row
        if reason == ROUNDED:
            assert abs(row["value"] - row["theirs"]) <= 1e-3 * abs(row["theirs"]), row
        if reason == WITHDRAWN:
            assert row["value"] is None, row
        if reason == TWO_BASES:
            year, nine_months = told_last(raw, row)
            assert row["value"] == pytest.approx(year - nine_months, rel=1e-9), row
        if reason in (REPORTED, WITHDRAWN, TWO_BASES):
            assert row["theirs"] not in told[-1:], row
    assert min(seen.values()) >= 4


def test_choice_of_elements(ours: pl.DataFrame, theirs: dict[str, pl.DataFrame]) -> None:
    """
    Left to choose the element itself, edgartools takes another one in some companies; each is known, with its reason.
    """
    mine = chosen(ours, "latest")
    keys = ["symbol", "metric", "kind", "end"]
    both = mine.join(theirs["latest"], left_on=keys, right_on=["symbol", "name", "kind", "end"])
    off = (pl.col("value") - pl.col("theirs")).abs() > 1e-6 * pl.col("theirs").abs()
    other = both.filter(off).select("symbol", "metric", pl.col("end").cast(pl.String)).unique().rows()
    assert {key[:2] for key in other if key not in DIFFERENCES["latest"]} == set(CHOICES)
    assert both.height > 3000


def test_no_look_ahead_in_a_thousand_questions(raw: dict[str, pl.DataFrame], tmp_path: Path) -> None:
    """
    Whatever is asked as of whatever instant, nothing shows that could not be used by then, first filed or restated.
    """
    keep = FactKeep(tmp_path / "keep", {symbol: cik for cik, symbol in SYMBOLS.items()})
    for dataset, frame in raw.items():
        keep.take(dataset, frame.select(list(RAW_TABLES[dataset].schema)).iter_rows(named=True))
    keep.publish()
    opened = keep.open()
    pick = random.Random(20)
    rows = 0
    for _ in range(1000):
        symbol = pick.choice(sorted(SYMBOLS.values()))
        moment = datetime(2010, 1, 1, tzinfo=UTC) + timedelta(minutes=pick.randrange(16 * 365 * 24 * 60))
        asked = opened.fundamentals(
            symbol, start=moment.date() - timedelta(days=400), as_of=moment, restated=pick.random() < 0.5
        )
        found = asked.polars()
        assert (found["available_at"] <= moment).all()
        assert (found["filed"] <= moment.date()).all()
        rows += found.height
    assert rows > 200_000


def test_a_view_as_of_then_is_what_was_known_then(raw: dict[str, pl.DataFrame], ours: pl.DataFrame) -> None:
    """
    Of what is known now, what could be used by an instant is what comes out of the facts that were there by then.
    """
    filings = newest_filings(raw["filings"]).select("cik", "accession", "accepted_at")
    once = raw["facts"].select("cik", "accession", "filed").unique(["cik", "accession"])
    when = with_available(once, filings).select("cik", "accession", "available_at")
    dated = raw["facts"].join(when, on=["cik", "accession"])
    pick = random.Random(48)
    columns = ["metric", "period_end", "accession", "value", "unit", "available_at", "concept", "derived"]
    for _ in range(30):
        cik = pick.choice(sorted(SYMBOLS))
        moment = datetime(2012, 1, 1, tzinfo=UTC) + timedelta(days=pick.randrange(14 * 365))
        mine = pl.col("cik") == cik
        then = dated.filter(mine & (pl.col("available_at") <= moment)).drop("available_at")
        known = resolve_fundamentals(then, raw["filings"], raw["companies"]).rows
        view = ours.filter(mine & (pl.col("available_at") <= moment))
        assert known.select(columns).sort(columns).equals(view.select(columns).sort(columns)), (cik, moment)
