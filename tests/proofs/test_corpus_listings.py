"""Directories of 2017 to 2025 and the SEC's lists: every line accounted for, and identity right where it is known."""

from __future__ import annotations

from collections import Counter
from datetime import date
from functools import cache
from pathlib import Path

import orjson
import polars as pl
import pytest

from gold.told import LINEAGE, changes, company, frame, of, tables
from marketkeep.calendars import XNYS
from marketkeep.model import Payload
from marketkeep.sources.nasdaq_trader import NasdaqTrader
from marketkeep.sources.sec_tickers import SecTickers
from proofs.corpus_listings import fetched, verdicts
from proofs.verdicts import Verdict, body_of, files_of

DAYS = [date(2017, 2, 8), date(2017, 12, 8), date(2019, 10, 2), date(2021, 12, 23), date(2025, 7, 21)]
"""Those of which the corpus has a directory of the whole market, in one file or two halves."""

SEC_DAYS = {
    "company_tickers_exchange-2024": date(2024, 6, 1),
    "company_tickers_exchange-2026-whydrs": date(2026, 3, 1),
    "company_tickers-2026-06": date(2026, 6, 15),
}
# A former name, as the SEC's submissions of that company have it.
META = company(1326801, "Meta Platforms, Inc.", ["META"], former=["Facebook Inc"], asked=date(2026, 1, 5))


@pytest.fixture(scope="module")
def told(corpus: Path) -> dict[str, Verdict]:
    """Verdicts by path."""
    return {one.path: one for one in verdicts(corpus)}


@cache
def listings(corpus: Path) -> tuple[pl.DataFrame, ...]:
    """All that the corpus's directories and lists tell, with their source."""
    found = []
    for path in files_of(corpus, "nasdaq_trader"):
        if "NO-TRAILER" not in path.name:
            payload, source = Payload(200, (), body_of(path), fetched(path)), NasdaqTrader()
            rows = source.parse(source.probe(payload.fetched_at), payload)["listings"]
            found.append(rows.with_columns(source=pl.lit(source.name), fetched_at=pl.lit(payload.fetched_at)))
    for path in files_of(corpus, "sec/tickers"):
        payload, sec = Payload(200, (), body_of(path), fetched(path)), SecTickers()
        rows = sec.parse(sec.probe(payload.fetched_at), payload)["listings"]
        day = SEC_DAYS[path.name.removesuffix(".json.gz")]
        named = {"source": pl.lit(sec.name), "fetched_at": pl.lit(payload.fetched_at)}
        found.append(rows.with_columns(pl.lit(day).alias("date"), **named))
    beside = {"payload", *LINEAGE} - {"source", "fetched_at"}
    columns = [name for name in frame("listings", ()).columns if name not in beside]
    return tuple(rows.select(columns) for rows in found)


@pytest.fixture(scope="module")
def reference(corpus: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Ticker metadata and history of all of it."""
    return tables(listings(corpus), companies=[META])


def lines_of(corpus: Path, name: str) -> list[list[str]]:
    """The lines of a directory file, read without our source."""
    text = body_of(corpus / "nasdaq_trader" / name).decode("utf-8", "replace")
    return [line.split("|") for line in text.splitlines()[1:] if not line.startswith("File Creation Time")]


def test_every_file_is_read_or_refused(corpus: Path, told: dict[str, Verdict]) -> None:
    """Each file has one verdict; what is refused has a reason."""
    files = [path for folder in ("nasdaq_trader", "nasdaq_com", "sec/tickers") for path in files_of(corpus, folder)]
    assert sorted(told) == sorted(path.relative_to(corpus).as_posix() for path in files)
    assert all(one.rows or one.refused for one in told.values())


@pytest.mark.parametrize(
    "name",
    [
        "nasdaqlisted-2017-11-17",
        "nasdaqlisted-2019-10-02",
        "nasdaqlisted-2025-07-21",
        "nasdaqtraded-2017-02-08",
        "nasdaqtraded-2017-12-08",
        "nasdaqtraded-2021-12-23",
        "otherlisted-2019-10-02",
        "otherlisted-2025-07-21",
    ],
)
def test_every_line_of_a_directory_is_a_row(corpus: Path, told: dict[str, Verdict], name: str) -> None:
    """Trap 31: as many listings as lines, none dropped or merged."""
    assert told[f"nasdaq_trader/{name}.txt.gz"].rows == {"listings": len(lines_of(corpus, f"{name}.txt.gz"))}


def test_directory_without_trailer_is_refused(told: dict[str, Verdict]) -> None:
    """Trap 31: the file of June 2020 lost its last line, so it proves nothing."""
    refused = told["nasdaq_trader/otherlisted-NO-TRAILER-2020-06.txt.gz"].refused
    assert refused is not None
    assert refused.startswith("truncated")


def test_screener_is_refused(told: dict[str, Verdict]) -> None:
    """nasdaq.com's screener is no directory of listings: it has quotes, no test issues, no proof of completeness."""
    for name in ("amex", "nasdaq"):
        refused = told[f"nasdaq_com/screener-{name}-2026-08.json.gz"].refused
        assert refused is not None
        assert "not a symbol directory" in refused


def test_flags_of_the_directory_are_those_of_its_lines(corpus: Path) -> None:
    """Funds, test issues and exchanges are counted as an independent reading of the lines counts them."""
    lines = lines_of(corpus, "nasdaqtraded-2021-12-23.txt.gz")
    payload = Payload(
        200, (), body_of(corpus / "nasdaq_trader/nasdaqtraded-2021-12-23.txt.gz"), fetched(Path("x-2021-12-23"))
    )
    rows = NasdaqTrader().parse(NasdaqTrader().probe(payload.fetched_at), payload)["listings"]
    assert rows["etf"].sum() == sum(line[5] == "Y" for line in lines)
    assert rows["test_issue"].sum() == sum(line[7] == "Y" for line in lines)
    letters = Counter(line[3] for line in lines)
    told = dict(rows["exchange"].value_counts().iter_rows())
    names = {"Q": "NASDAQ", "N": "NYSE", "A": "NYSE American", "P": "NYSE Arca", "Z": "Cboe BZX", "V": "IEX"}
    assert told == {names[letter]: count for letter, count in letters.items()}
    assert rows["date"].unique().to_list() == [date(2021, 12, 23)]


def test_lists_of_the_sec_agree_in_every_form(corpus: Path, told: dict[str, Verdict]) -> None:
    """Every ticker of each form is a row with its number; text and number are one CIK; `NONE.` is no ticker."""
    counts = {name: told[f"sec/tickers/{name}.json.gz"].rows["listings"] for name in SEC_DAYS}
    assert list(counts.values()) == [10171, 10402, 10433]
    root = orjson.loads(body_of(corpus / "sec/tickers/company_tickers_exchange-2024.json.gz"))
    want = {(row[2].replace("-", "."), row[0]) for row in root["data"] if row[2].replace("-", "").isalnum()}
    rows = next(one for one in listings(corpus) if one["date"][0] == SEC_DAYS["company_tickers_exchange-2024"])
    plain = rows.filter(~pl.col("symbol").str.contains(r"\.(PR|U$|WS|RT)"))
    assert set(plain.select("symbol", "cik").rows()) <= want


def test_odd_tickers_survive(reference: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    """Trap 63: NA, NAN, ON and TRUE are listed, with names and numbers."""
    for symbol, word in {"NA": "Nano Labs", "NAN": "Nuveen", "ON": "ON Semi", "TRUE": "TrueCar"}.items():
        row = of(reference[0], symbol)
        assert row["name"].startswith(word)
        assert row["cik"] is not None


def test_spellings_of_the_directory_and_the_sec_meet(reference: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    """Trap 29: preferreds, classes and warrants get their issuer though both write them otherwise."""
    for symbol, cik in {"BRK.B": 1067983, "BAC.PRK": 70858, "BF.B": 14693, "HEI.A": 46619}.items():
        assert of(reference[0], symbol)["cik"] == cik


def test_class_shares_are_two_securities_of_one_issuer(reference: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    """Trap 32: GOOG and GOOGL share a number, are both listed all the time, and never renamed into each other."""
    securities, history = reference
    goog, googl = of(securities, "GOOG"), of(securities, "GOOGL")
    assert goog["cik"] == googl["cik"] == 1652044
    assert goog["active"]
    assert googl["active"]
    assert not {"GOOG", "GOOGL"} & {*history["old_symbol"], *history["new_symbol"]}


def test_facebook_meta_and_the_fund_that_had_its_ticker(reference: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    """
    Trap 30: between 2021 and 2025 a fund gave META up for METV, Facebook went from FB to META, another fund took FB.
    """
    securities, history = reference
    mine = history.filter(pl.col("old_symbol").is_in(["FB", "META"]))
    assert sorted(changes(mine)) == [("FB", "META", DAYS[-1]), ("META", "METV", DAYS[-1])]
    assert (of(securities, "META")["asset_class"], of(securities, "META")["cik"]) == ("equity", 1326801)
    assert of(securities, "FB")["asset_class"] == "etf"
    assert of(securities, "FB")["cik"] is None
    ids = {symbol: of(securities, symbol)["security_id"] for symbol in ("META", "METV", "FB")}
    assert ids == {"META": "FB", "METV": "META", "FB": "FB#2"}


@pytest.mark.parametrize(
    ("old", "new", "day"),
    [
        ("HOTR", "BURG", DAYS[1]),
        ("COOL", "PTE", DAYS[2]),
        ("BIOS", "OPCH", DAYS[3]),
        ("GPS", "GAP", DAYS[4]),
        ("CHK", "EXE", DAYS[4]),
        ("WLTW", "WTW", DAYS[4]),
        ("BOWL", "LUCK", DAYS[4]),
    ],
)
def test_known_renames(reference: tuple[pl.DataFrame, pl.DataFrame], old: str, new: str, day: date) -> None:
    """Real changes of ticker come out, dated by the first directory that shows them."""
    assert (old, new, day) in changes(reference[1])


@pytest.mark.parametrize(("symbol", "day"), [("AABA", DAYS[3]), ("DWDP", DAYS[2]), ("ARRY", None), ("TWTR", None)])
def test_known_delistings(reference: tuple[pl.DataFrame, pl.DataFrame], symbol: str, day: date | None) -> None:
    """
    Trap 8: gone from two directories is delisted; TWTR is gone from the last one only, which proves nothing yet.
    """
    row = of(reference[0], symbol)
    assert (row["active"], row["delisting_date"]) == (day is None, day)


def test_reused_ticker_is_its_new_holder(reference: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    """Trap 30: ARRY was Array BioPharma until 2019 and has been Array Technologies since 2020."""
    row = of(reference[0], "ARRY")
    assert row["name"].startswith("Array Technologies")
    former = of(reference[0], f"ARRY~{XNYS.previous_session(DAYS[2]).year}")
    assert former["name"].startswith("Array BioPharma")
    assert not former["active"]
    assert ("ARRY", None, DAYS[2]) in changes(reference[1])


def test_test_issues_and_old_tickers_are_no_securities(reference: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    """Trap 31: no test issue is listed; a ticker given up by a rename is history only."""
    names = set(reference[0]["symbol"])
    assert not {"ZXIET", "ZVZZT", "ATEST.A", "NTEST"} & names
    assert not {"GPS", "CHK", "WLTW"} & names
    assert reference[0]["symbol"].is_unique().all()
