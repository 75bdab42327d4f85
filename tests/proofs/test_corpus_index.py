"""What comes of the recorded pages and files about indices and the yield curve, read again by other means."""

from __future__ import annotations

import csv
import gzip
import html
import random
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from marketkeep.gold.member_differences import membership_differences
from marketkeep.gold.membership import members_on, resolve_members
from marketkeep.model import TICKER_HISTORY, Payload
from marketkeep.sources.fund_holdings import IShares
from marketkeep.sources.treasury import Treasury
from marketkeep.sources.wikipedia import Wikipedia
from member_rows import landed
from proofs.corpus_index import CURVES, FETCHED, asked, members_of, verdicts
from proofs.verdicts import Verdict, body_of, table

PAGE = "wikipedia/List_of_SP500_companies-2026-05.html.gz"
Members = Callable[[date], set[str]]
Interval = tuple[str, str, str]
Rename = tuple[str, str, date]


@pytest.fixture(scope="module")
def told(corpus: Path) -> dict[str, Verdict]:
    """A verdict for every file."""
    return {one.path: one for one in verdicts(corpus)}


@pytest.fixture(scope="module")
def page(corpus: Path) -> pl.DataFrame:
    """The statements of Wikipedia's page of May 2026."""
    payload = Payload(200, (), body_of(corpus / PAGE), FETCHED)
    return Wikipedia().parse(asked(Wikipedia(), "sp500"), payload)["index_members"]


@pytest.fixture(scope="module")
def renames(corpus: Path) -> list[Rename]:
    """Old ticker, new ticker and day of the changes that a package of index histories tells."""
    with (corpus / "index/index_constitution/event_us.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["event_type"] == "ticker_change"]
    return [(row["old_symbol"], row["new_symbol"], date.fromisoformat(row["event_date"])) for row in rows]


@pytest.fixture(scope="module")
def resolved(page: pl.DataFrame, renames: list[Rename]) -> pl.DataFrame:
    """The intervals that follow from the page alone."""
    return resolve_members(landed(page, "wikipedia", FETCHED), history(renames))


def history(renames: list[Rename]) -> pl.DataFrame:
    """Renames as the keep has them."""
    rows = [(old, new, old, new, day, "test") for old, new, day in renames]
    return pl.DataFrame(rows, schema=TICKER_HISTORY.schema, orient="row")


def plain(source: str) -> str:
    """The text of a bit of HTML."""
    return html.unescape(re.sub(r"<[^>]*>", "", source)).strip()


def day_of(text: str) -> date:
    """A date such as May 7, 2026."""
    return datetime.strptime(text, "%B %d, %Y").date()  # noqa: DTZ007  # a day has no zone


def last_ticker(symbol: str, on: date, renames: list[Rename]) -> str:
    """The ticker that a member of a day came to have, by another implementation than ours."""
    later = sorted((day, new) for old, new, day in renames if old == symbol and day > on)
    return last_ticker(later[0][1], later[0][0], renames) if later else symbol


# --- every file ------------------------------------------------------------------------------------------------------


def test_every_file_has_a_verdict(corpus: Path, told: dict[str, Verdict]) -> None:
    """
    Each file is parsed into rows or refused with a reason; the table names them all.
    """
    files = [path for folder in ("index", "wikipedia", "treasury") for path in (corpus / folder).rglob("*.*")]
    assert sorted(told) == sorted(path.relative_to(corpus).as_posix() for path in files if path.is_file())
    assert [path for path, one in told.items() if bool(one.rows) is bool(one.refused)] == []
    lines = list(table(told.values()))
    print(*lines, sep="\n")
    assert len(lines) == 83


def test_what_is_refused(told: dict[str, Verdict]) -> None:
    """
    Refused are files of another kind, old holdings with tickers of foreign exchanges, and lists with broken lines.
    """
    refused = {path: one.refused or "" for path, one in told.items() if one.refused}
    kinds = Counter(path.rsplit("/", 1)[0] for path in refused)
    assert kinds == {
        "index/index_constitution": 1,
        "index/ishares_ivv": 8,
        "index/nasdaq100": 6,
        "index/pitindex": 1,
        "index/sp500": 3,
        "treasury": 1,
    }
    assert refused["treasury/us10y-monthly.csv"].startswith("malformed: not a daily yield curve")
    assert "68 of 500 shares have no ticker of a US exchange" in refused["index/ishares_ivv/20061031.csv.gz"]
    assert "line 2, column 'Symbol'" in refused["index/sp500/yfiua-2018-07.csv"]
    assert "line 135" in refused["index/sp500/datasets_constituents-2012-12-27.csv"]


# --- Wikipedia -------------------------------------------------------------------------------------------------------


def test_page_has_what_its_source_shows(corpus: Path, page: pl.DataFrame) -> None:
    """
    Members, companies and CIKs, and both sides of every change, as a plain search of the page's source finds them.
    """
    text = gzip.decompress((corpus / PAGE).read_bytes()).decode()
    members, changes = text.split('id="constituents"')[1].split('id="changes"')[:2]
    found = re.findall(r"<tr>\n<td><a [^>]*>([A-Z.]+)</a>\n</td>\n<td>(.+?)\n?</td>", members)
    ciks = re.findall(r"<td>(\d{10})\n?</td>", members)
    mine = page.filter(pl.col("event") == "member")
    assert mine.select("symbol", "name").rows() == [(symbol, plain(name)) for symbol, name in found]
    assert mine["cik"].to_list() == [int(cik) for cik in ciks]
    cell = r"<td>([A-Z.]*)\n?</td>\n"
    line = rf"<tr>\n<td>(\w+ \d+, \d{{4}})\n?</td>\n{cell}<td>.*?</td>\n{cell}"
    lines = re.findall(line, changes.split("</table>")[0], flags=re.DOTALL)
    dated = [(day_of(text), *sides) for text, *sides in lines]
    assert len(dated) == 395
    told = {(row[1], row[2], row[3]) for row in page.select("index", "symbol", "date", "event").iter_rows()}
    assert {(added, day, "added") for day, added, _ in dated if added} <= told
    removed = {(gone, day, "removed") for day, _, gone in dated if gone}
    assert removed == {one for one in told if one[2] == "removed"}


def test_spot_checks(resolved: pl.DataFrame) -> None:
    """
    Known days: Tesla came on 21 December 2020, Twitter left on 1 November 2022, 3M is there since 1957.
    """
    spans = {(symbol, start): end for symbol, start, end in resolved.select("symbol", "from", "to").iter_rows()}
    assert spans["TSLA", date(2020, 12, 21)] is None
    assert spans["TWTR", date(2018, 6, 7)] == date(2022, 11, 1)
    assert spans["MMM", date(1957, 3, 4)] is None
    assert len(members_on(resolved, "sp500", date(2026, 5, 12))) == 503


def intervals_of(corpus: Path) -> Members:
    """Members on a day by sp500_ticker_start_end.csv, read by itself."""
    with (corpus / "index/sp500/sp500_ticker_start_end.csv").open() as file:
        rows: list[Interval] = [(row["ticker"], row["start_date"], row["end_date"]) for row in csv.DictReader(file)]
    return lambda day: {ticker for ticker, start, end in rows if start <= str(day) and (not end or str(day) < end)}


def changes_of(corpus: Path) -> Members:
    """Members on a day by pitindex: its list of the end of 2004 and the changes since, played forward."""
    with (corpus / "index/pitindex/sp500_seed.csv").open() as file:
        seed = {row["ticker"] for row in csv.DictReader(file)}
    with (corpus / "index/pitindex/sp500_changes.csv").open() as file:
        rows = [(row["date"], row["action"], row["ticker"]) for row in csv.DictReader(file)]

    def on(day: date) -> set[str]:
        members = set(seed)
        for when, action, ticker in rows:
            if when <= str(day):
                (members.add if action == "added" else members.discard)(ticker)
        return members

    return on


@pytest.mark.parametrize(
    ("other", "span", "least"),
    [
        (intervals_of, (date(2020, 1, 2), date(2025, 6, 30)), 0.97),
        (intervals_of, (date(2015, 1, 2), date(2020, 1, 1)), 0.90),
        (intervals_of, (date(2010, 1, 4), date(2015, 1, 1)), 0.86),
        (changes_of, (date(2020, 1, 2), date(2026, 5, 8)), 0.97),
        (changes_of, (date(2015, 1, 2), date(2020, 1, 1)), 0.90),
        (changes_of, (date(2010, 1, 4), date(2015, 1, 1)), 0.86),
    ],
)
def test_agreement_on_random_days(
    corpus: Path,
    resolved: pl.DataFrame,
    renames: list[Rename],
    other: Callable[[Path], Members],
    span: tuple[date, date],
    least: float,
) -> None:
    """
    Over 200 random days, the members that both have are this share of those that either has.

    What is left is a difference of tickers far more than of members: the page's changes have the ticker of then and
    its list that of today, and only the 26 renames known here are followed (WLP to ANTM, PCLN to BKNG, HCP to DOC are
    not among them). Then the beginnings: the page's "Date added" of some (D, SRE, TROW) is that of a new holding
    company. The further back, the more of both. The number of members agrees: within 2.5 % on each day.
    """
    (first, last), rng, theirs = span, random.Random(7), other(corpus)
    shares, sizes = [], []
    for _ in range(200):
        day = first + timedelta(days=rng.randrange((last - first).days))
        here = set(members_on(resolved, "sp500", day))
        there = {last_ticker(symbol, day, renames) for symbol in theirs(day)}
        shares.append(len(here & there) / len(here | there))
        sizes.append(abs(len(here) / len(there) - 1))
    print(f"{other.__name__} {first} to {last}: {sum(shares) / len(shares):.4f}, sizes within {max(sizes):.4f}")
    assert sum(shares) / len(shares) > least
    assert max(sizes) < 0.025


# --- holdings and local files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "index", "count", "day"),
    [
        ("IVV-2023-04-06.csv.gz", "sp500", 503, date(2023, 4, 6)),
        ("IWB-2026-07-17.csv.gz", "russell_1000", 1023, date(2026, 7, 17)),
    ],
)
def test_holdings_as_downloaded(corpus: Path, name: str, index: str, count: int, day: date) -> None:
    """
    The shares of the file as a plain search finds them, but for class shares and remnants; weights come to 100.
    """
    body = body_of(corpus / "index/ishares_raw" / name)
    frame = IShares().parse(asked(IShares(), index), Payload(200, (), body, FETCHED))["index_members"]
    lines = [line for line in body.decode("utf-8-sig").splitlines() if ',"Equity",' in line and "NO MARKET" not in line]
    assert [symbol.replace(".", "") for symbol in frame["symbol"]] == [line.split('"')[1] for line in lines]
    assert (frame.height, frame["date"].unique().to_list()) == (count, [day])
    assert 99.5 < frame["weight"].sum() < 100.2


def test_two_sources_compared(corpus: Path, page: pl.DataFrame, renames: list[Rename]) -> None:
    """
    The fund of 3 February 2026 and the page of May agree on every member; a share taken from the fund is found.
    """
    body = body_of(corpus / "index/ishares_ivv/20260203.csv.gz")
    fund = IShares().parse(asked(IShares(), "sp500"), Payload(200, (), body, FETCHED))["index_members"]
    told, day = landed(page, "wikipedia", FETCHED), datetime(2026, 2, 4, tzinfo=UTC)
    assert fund.height == 503
    assert membership_differences(pl.concat([told, landed(fund, "ishares", day)]), history(renames)).is_empty()
    without = landed(fund.filter(pl.col("symbol") != "BRK.B"), "ishares", day)
    found = membership_differences(pl.concat([told, without]), history(renames))
    assert found["detail"].to_list() == ["wikipedia has BRK.B in sp500, ishares has not"]


def test_intervals_come_back(corpus: Path) -> None:
    """
    A file of intervals resolves to those intervals, those that adjoin as one.
    """
    path = corpus / "index/sp500/sp500_ticker_start_end.csv"
    resolved = resolve_members(landed(members_of(path), "csv", FETCHED))
    theirs = intervals_of(corpus)
    rng = random.Random(3)
    for _ in range(60):
        day = date(1996, 1, 2) + timedelta(days=rng.randrange(10_700))
        assert set(members_on(resolved, "sp500", day)) == theirs(day)


# --- yields ----------------------------------------------------------------------------------------------------------


def test_curves_of_two_forms_agree(corpus: Path) -> None:
    """
    Fractions and percent give the same curve: of 20 years all points that both have, and few that one has alone.
    """
    frames = []
    for name in ("treasury_curves-zipline-1990-2009.csv.gz", "ust-1990-2012.csv.gz"):
        body = body_of(corpus / "treasury" / name)
        frames.append(Treasury().parse(CURVES, Payload(200, (), body, FETCHED))["treasury_yields"])
    fractions, percent = frames
    assert (fractions.height, percent.height) == (50_204, 58_426)
    both = fractions.join(percent, on=["date", "tenor"], suffix="_other")
    apart = both.filter((pl.col("yield") - pl.col("yield_other")).abs() > 0.0051)
    print(f"{both.height} points of both, {apart.height} apart")
    assert both.height > 50_000
    assert apart.height <= both.height // 1000
    first = percent.filter(pl.col("date") == date(1990, 1, 2))
    assert dict(first.select("tenor", pl.col("yield").round(2)).iter_rows()) == {
        "3M": 7.83, "6M": 7.89, "1Y": 7.81, "2Y": 7.87, "3Y": 7.9, "5Y": 7.87, "7Y": 7.98, "10Y": 7.94, "30Y": 8.0,
    }  # fmt: skip
