"""The SEC's recorded payloads: every file is read in full or refused with a reason; figures agree with an own one."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from marketkeep.errors import PayloadRefused
from marketkeep.model import Payload, Request
from proofs.corpus_sec import FOLDERS, SEC, request_for, verdicts
from proofs.verdicts import FETCHED, Verdict, body_of, files_of, table


@pytest.fixture(scope="module")
def judged(corpus: Path) -> dict[str, Verdict]:
    """The verdict on each file."""
    found = {one.path: one for one in verdicts(corpus)}
    print(*table(found.values()), sep="\n")
    return found


def frames_of(corpus: Path, name: str) -> dict[str, pl.DataFrame]:
    """What is read from one file."""
    path = corpus / name
    request = request_for(path, *FOLDERS[name.rpartition("/")[0]])
    return dict(SEC.parse(request, Payload(200, (), body_of(path), FETCHED)))


def own_facts(corpus: Path, name: str) -> list[tuple[Any, ...]]:
    """The facts of a file, read without the source."""
    told = json.loads(body_of(corpus / name))
    return [
        (taxonomy, concept, unit, one.get("start"), one["end"], float(one["val"]), one["accn"], one["fy"], one["fp"])
        for taxonomy, concepts in told["facts"].items()
        for concept, about in concepts.items()
        for unit, facts in about["units"].items()
        for one in facts
    ]


def test_every_file_of_the_sec_has_a_verdict(corpus: Path, judged: dict[str, Verdict]) -> None:
    """
    All files of the four folders are judged; what was recorded well is read, what is an error is refused.
    """
    files = {
        path.relative_to(corpus).as_posix() for folder in (*FOLDERS, "sec/errors") for path in files_of(corpus, folder)
    }
    assert set(judged) == files
    assert {path for path, one in judged.items() if one.refused} == {path for path in files if "/errors/" in path}


def test_facts_are_read_in_full(corpus: Path, judged: dict[str, Verdict]) -> None:
    """
    Trap 62: every fact of every company is a row with its own days, value and filing, whatever is null or absent.
    """
    names = [path for path in judged if path.startswith("sec/companyfacts/")]
    assert len(names) == 12
    for name in names:
        own = own_facts(corpus, name)
        frame = frames_of(corpus, name)["facts"]
        mine = frame.select(
            "taxonomy",
            "concept",
            "unit",
            pl.col("start", "end").cast(pl.String),
            "value",
            "accession",
            "fiscal_year",
            "fiscal_period",
        )
        assert mine.rows() == own
        assert judged[name].rows == {"facts": len(own)}


def test_facts_of_real_companies_have_the_traps_forms(corpus: Path) -> None:
    """
    Traps 47, 48, 50 and 62 as they are in real answers: fy null, no frame, instants, several values of one period.
    """
    apple = frames_of(corpus, "sec/companyfacts/CIK0000320193.json.gz")["facts"]
    assert apple["fiscal_year"].null_count() == apple["fiscal_period"].null_count() == 569
    assert apple["frame"].null_count() == 24852 - 9718
    assert apple["start"].null_count() == 24852 - 15581
    sales = apple.filter(concept="SalesRevenueNet", form="10-K", start=date(2008, 9, 28), end=date(2009, 9, 26))
    assert sales["value"].n_unique() == 2
    kraft = frames_of(corpus, "sec/companyfacts/CIK0001637459.json.gz")["facts"]
    assert set(kraft["taxonomy"]) == {"dei", "us-gaap", "srt", "ffd"}
    assert kraft["unit"].n_unique() == 13
    costco = frames_of(corpus, "sec/companyfacts/CIK0000909832.json.gz")["facts"]
    assert "Q4" in set(costco["fiscal_period"])
    bank = frames_of(corpus, "sec/companyfacts/CIK0000019617-trimmed.json.gz")["facts"]
    assert "AssetsCurrent" not in set(bank["concept"])


def test_filings_are_read_in_full(corpus: Path, judged: dict[str, Verdict]) -> None:
    """
    Every filing of every recorded company and older page is a row, instants as told; only first answers describe one.
    """
    names = [path for path in judged if path.startswith("sec/submissions")]
    assert len(names) == 32
    for name in names:
        told = json.loads(body_of(corpus / name))
        recent = told["filings"]["recent"] if "filings" in told else told
        frame = frames_of(corpus, name)["filings"]
        assert frame["accession"].to_list() == recent["accessionNumber"]
        assert frame["form"].to_list() == recent["form"]
        accepted = [datetime.fromisoformat(text) for text in recent["acceptanceDateTime"]]
        assert frame["accepted_at"].to_list() == accepted
        filings = {"filings": len(accepted)}
        assert judged[name].rows == ({"companies": 1} | filings if "filings" in told else filings)


def test_real_delistings_and_former_names(corpus: Path) -> None:
    """
    Trap 8: a company that left has Form 25 and Form 15, and an earlier Form 25 that ended something else.
    """
    carbo = frames_of(corpus, "sec/submissions_recorded/CIK0001009672.json.gz")
    ends = carbo["filings"].filter(pl.col("form").str.contains(r"^(25|15)")).select("form", "filed").rows()
    assert {form for form, _ in ends} == {"25-NSE", "15-12B", "15-15D"}
    assert {(form, filed.year) for form, filed in ends if filed.year < 2020} == {("25-NSE", 2012)}
    assert carbo["companies"]["symbols"].to_list() == [[]]
    (apple,) = frames_of(corpus, "sec/submissions/CIK0000320193.json.gz")["companies"].iter_rows(named=True)
    assert apple["symbols"] == ["AAPL"]
    assert apple["former_names"][1] == {
        "name": "APPLE COMPUTER INC",
        "from": date(1994, 1, 26),
        "to": date(2007, 1, 4),
    }
    (two,) = frames_of(corpus, "sec/submissions_recorded/CIK0001465740.json.gz")["companies"].iter_rows(named=True)
    assert two["symbols"] == ["TWO", "TWO.PRC", "TWO.PRB", "TWO.PRA", "TWOD"]
    (person,) = frames_of(corpus, "sec/submissions_recorded/CIK0000315090.json.gz")["companies"].iter_rows(named=True)
    assert (person["name"], person["sic"], person["fiscal_year_end"]) == ("BUFFETT WARREN E", None, None)


def test_some_companies_instants_are_new_yorks(corpus: Path) -> None:
    """
    Trap 52: read as UTC, most companies' instants lie where EDGAR is open; some companies' do not: they are New York's.
    """

    def at_night(name: str) -> float:
        accepted = frames_of(corpus, f"sec/submissions_recorded/{name}.json.gz")["filings"]["accepted_at"]
        hours = accepted.dt.convert_time_zone("America/New_York").dt.hour()
        return float(((hours < 6) | (hours >= 22)).mean() or 0.0)

    assert max(at_night(name) for name in ("CIK0001318605", "CIK0001045810", "CIK0001324424")) < 0.01
    assert min(at_night(name) for name in ("CIK0001009672", "CIK0000310522", "CIK0000940418")) > 0.1


@pytest.mark.parametrize(("company", "pages"), [("CIK0000310522", 3), ("CIK0001318605", 1), ("CIK0001835632", 0)])
def test_older_pages_of_real_companies_are_asked_for(corpus: Path, company: str, pages: int) -> None:
    """
    Trap 62: as many older pages as the first answer names, one after another.
    """
    path = corpus / "sec" / "submissions_recorded" / f"{company}.json.gz"
    payload = Payload(200, (), body_of(path), FETCHED)
    request: Request | None = request_for(path, *FOLDERS["sec/submissions_recorded"])
    asked = []
    while request is not None and (request := SEC.next_page(request, payload)) is not None:
        asked.append(request.url.partition("#")[0].rpartition("/")[2])
    assert asked == [f"{company}-submissions-{number:03d}.json" for number in range(1, pages + 1)]


def test_errors_of_the_sec_are_refused_in_words(judged: dict[str, Verdict]) -> None:
    """
    XML that denies a file, an apology in HTML and an empty 304 are each refused for what they are.
    """
    reasons = {path.rpartition("/")[2]: one.refused for path, one in judged.items() if one.refused}
    assert reasons == {
        "sec-304-7.txt": "http_304: the SEC answered HTTP 304",
        "sec-403-4.xml": "not_found: the SEC has no companyfacts for CIK0000320193",
        "sec-503-1.html": "http_503: the SEC answered HTTP 503",
    }


def test_an_apology_with_status_200_is_no_data(corpus: Path) -> None:
    """
    Trap 62: the same page of HTML with status 200 is refused too.
    """
    path = corpus / "sec" / "errors" / "sec-503-1.html"
    request = Request("sec", "facts", "https://data.sec.gov/x", (), ("CIK0000320193",))
    with pytest.raises(PayloadRefused, match="a page for people"):
        SEC.parse(request, Payload(200, (), body_of(path), datetime(2026, 1, 12, tzinfo=UTC)))
