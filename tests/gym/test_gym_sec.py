"""The gym's SEC: its own forms over the truth of companies, and what our source reads of them is that truth."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit

import orjson
import polars as pl
import pytest

from gym.companies import NEW_YORK, Companies, Filing
from gym.reports import Fact, facts
from gym.sec import Sec as Vendor
from gym.truth import Truth
from gym.wire import Ask
from marketkeep.errors import PayloadRefused
from marketkeep.model import RAW_TABLES, Payload, Query, Request
from marketkeep.sources.sec import Sec

SEC = Sec()
CONTACT = {"user-agent": "marketkeep Gym gym@example.org"}
TRUTH = Truth(symbols=60, years=4)
EVENING = datetime(2024, 12, 31, 23, tzinfo=UTC)
COMPANIES = Companies(TRUTH)


@pytest.fixture(scope="module")
def vendor() -> Vendor:
    """A vendor whose answers hold 100 filings, the older pages 150."""
    return Vendor(TRUTH, recent=100, page=150)


def told(vendor: Vendor, request: Request, now: datetime = EVENING, **more: object) -> Payload:
    """The vendor's answer to a request of the source, as the client hands it on."""
    parts = urlsplit(request.url)
    ask = Ask(parts.netloc, parts.path, dict(request.params), now.timestamp(), CONTACT)
    reply = vendor.answer(replace(ask, **more))
    assert reply is not None
    assert isinstance(reply.body, bytes)
    return Payload(reply.status, (), reply.body, now)


def asked(dataset: str, *ciks: int, now: datetime = EVENING) -> list[Request]:
    """What the source plans for companies."""
    companies = tuple(f"CIK{cik:010d}" for cik in ciks)
    return SEC.plan(Query(dataset, companies, date(2020, 1, 1), date(2025, 1, 1), now))


def read(vendor: Vendor, dataset: str, cik: int, now: datetime = EVENING) -> dict[str, pl.DataFrame]:
    """All of one company, page by page, as the source reads it."""
    frames: dict[str, list[pl.DataFrame]] = {}
    request: Request | None = asked(dataset, cik, now=now)[0]
    while request is not None:
        payload = told(vendor, request, now)
        for name, frame in SEC.parse(request, payload).items():
            frames.setdefault(name, []).append(frame)
        request = SEC.next_page(request, payload)
    return {name: pl.concat(parts) for name, parts in frames.items()}


def true_facts(cik: int, now: datetime = EVENING) -> list[Fact]:
    """What a company reported by then."""
    company = COMPANIES.company(cik)
    assert company is not None
    return facts(COMPANIES, company, now.timestamp())


def rows_of(told: list[Fact], cik: int) -> Counter[tuple[object, ...]]:
    """The truth in the order of the raw table, without frames."""
    return Counter(
        (
            cik,
            f.taxonomy,
            f.concept,
            f.unit,
            f.start,
            f.end,
            float(f.value),
            f.accession,
            f.year,
            f.period,
            f.form,
            f.filed,
        )
        for f in told
    )


def true_filings(cik: int, now: datetime = EVENING) -> list[Filing]:
    """What a company filed by then, newest first."""
    company = COMPANIES.company(cik)
    assert company is not None
    return COMPANIES.known(company, now.timestamp())[::-1]


def reporting() -> Iterator[int]:
    """Companies that have reported something."""
    return (cik for cik in COMPANIES.symbols_of if true_facts(cik))


# --- the truth comes through -----------------------------------------------------------------------------------------


def test_facts_of_every_company_come_through(vendor: Vendor) -> None:
    """
    Every company: the facts read are those of the truth, each once.
    """
    kinds: set[str] = set()
    for cik in reporting():
        frame = read(vendor, "facts", cik)["facts"]
        assert dict(frame.schema) == RAW_TABLES["facts"].delivered
        assert Counter(frame.drop("frame").rows()) == rows_of(true_facts(cik), cik)
        kinds |= set(frame["taxonomy"]) | set(frame["form"])
    assert kinds >= {"us-gaap", "ifrs-full", "dei", "ecd", "10-K", "10-Q", "10-K/A", "20-F", "DEF 14A"}


def test_filings_of_every_company_come_through_page_by_page(vendor: Vendor) -> None:
    """
    Every company: its filings over all pages are those of the truth, in order; its instants in the zone it tells them.
    """
    pages = 0
    for cik in reporting():
        filings, frame = true_filings(cik), read(vendor, "filings", cik)["filings"]
        assert frame.select("accession", "form", "filed", "report_date").rows() == [
            (one.accession, one.form, one.filed, one.report) for one in filings
        ]
        assert frame["items"].to_list() == [one.items or None for one in filings]
        company = COMPANIES.company(cik)
        assert company is not None
        shift = [
            one.accepted.astimezone(NEW_YORK).replace(tzinfo=UTC) if company.eastern else one.accepted
            for one in filings
        ]
        assert frame["accepted_at"].to_list() == shift
        pages += len(filings) > 250
    assert pages


def test_companies_come_through(vendor: Vendor) -> None:
    """
    Name, tickers and former name are the truth's: none once it has left, the old ticker before a rename.
    """
    for cik in reporting():
        (row,) = read(vendor, "filings", cik)["companies"].iter_rows(named=True)
        company = COMPANIES.company(cik)
        assert company is not None
        security = company.security
        assert row["symbols"] == ([] if security.delisted else list(company.symbols))
        assert [one["to"] for one in row["former_names"]] == ([security.renamed_on] if security.renamed_on else [])
    renamed = next(one for one in map(COMPANIES.company, reporting()) if one and one.security.renamed_on)
    assert renamed.security.renamed_on is not None
    before = datetime.combine(renamed.security.renamed_on, datetime.min.time(), UTC)
    (row,) = read(vendor, "filings", renamed.cik, before)["companies"].iter_rows(named=True)
    assert (row["symbols"], row["name"]) == ([renamed.security.formerly], renamed.former_name)


@pytest.mark.parametrize("dataset", ["facts", "filings"])
def test_bulk_zip_holds_what_is_told_one_by_one(vendor: Vendor, dataset: str) -> None:
    """
    The members for companies asked for give the same rows as their own answers of that night, others are passed over.
    """
    everyone = [*COMPANIES.symbols_of, *range(2, 302)]
    (bulk,) = asked(dataset, *everyone)
    assert bulk.packed
    night = datetime(2024, 12, 31, 3, tzinfo=NEW_YORK)
    read_here: dict[int, list[pl.DataFrame]] = {}
    with zipfile.ZipFile(io.BytesIO(told(vendor, bulk).body)) as packed:
        assert SEC.unpack(replace(bulk, symbols=("CIK0000000002",)), packed.namelist()[-1]) is None
        for name in packed.namelist():
            member = SEC.unpack(bulk, name)
            if member is None or packed.getinfo(name).file_size == 2:
                continue
            cik = int(member.symbols[0][3:])
            frames = SEC.parse(member, Payload(200, (), packed.read(name), EVENING))
            read_here.setdefault(cik, []).append(frames[dataset])
    assert set(read_here) == set(reporting())
    for cik, parts in read_here.items():
        assert pl.concat(parts).equals(read(vendor, dataset, cik, night)[dataset])


def test_bulk_zip_is_made_once_a_night(vendor: Vendor) -> None:
    """
    The zip of a night is the same all day, and another one after three in the night.
    """
    (bulk,) = asked("facts", *range(2, 303))
    evening = told(vendor, bulk).body
    assert told(vendor, bulk, EVENING + timedelta(hours=8)).body is evening
    assert told(vendor, bulk, EVENING + timedelta(hours=10)).body is not evening


# --- what it is like -------------------------------------------------------------------------------------------------


def test_nothing_is_told_before_it_was_accepted(vendor: Vendor) -> None:
    """
    A second before its acceptance a report is unknown, with it are its facts.
    """
    cik = next(reporting())
    report = next(one for one in true_filings(cik) if one.form == "10-Q")
    for seconds, there in ((-1, False), (0, True)):
        now = report.accepted + timedelta(seconds=seconds)
        assert (report.accession in read(vendor, "filings", cik, now)["filings"]["accession"]) is there
        assert (report.accession in read(vendor, "facts", cik, now)["facts"]["accession"]) is there


def test_a_delisted_company_files_form_25(vendor: Vendor) -> None:
    """
    Trap 8: on its last session comes Form 25, ten days later Form 15; then nothing more.
    """
    gone = [one for one in map(COMPANIES.company, reporting()) if one and one.security.delisted]
    assert gone
    for company in gone:
        frame = read(vendor, "filings", company.cik)["filings"]
        assert frame["form"].to_list()[:2] == ["15-12G", "25-NSE"]
        assert frame["filed"][1] == company.security.last


def test_restated_years_are_told_both_ways() -> None:
    """
    Trap 48: after an amendment the same period has another value, and the first one stays where it was told.
    """
    company = next(one for one in map(COMPANIES.company, reporting()) if one and one.restates and not one.foreign)
    frame = pl.DataFrame(true_facts(company.cik), schema=list(Fact._fields), orient="row", infer_schema_length=None)
    net = frame.filter(concept="NetIncomeLoss", taxonomy="us-gaap").filter(pl.col("form") != "DEF 14A")
    assert net.group_by("start", "end").agg(pl.col("value").n_unique())["value"].max() == 2


def test_frames_are_on_the_last_told_only(vendor: Vendor) -> None:
    """
    Trap 62: of all that is told of a calendar period one filing's fact carries its name; well over half have none.
    """
    frame = read(vendor, "facts", next(reporting()))["facts"]
    named = frame.filter(pl.col("frame").is_not_null(), pl.col("form") != "DEF 14A")
    assert named.group_by("concept", "unit", "start", "end").agg(pl.col("accession").n_unique())["accession"].max() == 1
    assert 0.2 < named.height / frame.height < 0.7


# --- what it refuses -------------------------------------------------------------------------------------------------


def refusal(vendor: Vendor, request: Request, **more: object) -> str:
    """The code with which the source refuses what the vendor says."""
    with pytest.raises(PayloadRefused) as caught:
        SEC.parse(request, told(vendor, request, **more))
    return caught.value.fault


@pytest.mark.parametrize("dataset", ["facts", "filings"])
def test_each_variant_is_refused_for_what_it_is(vendor: Vendor, dataset: str) -> None:
    """
    The vendor's own misbehaviour comes in its own form; rows told twice are read as one.
    """
    cik = next(reporting())
    request = asked(dataset, cik)[0]
    for variant in ("empty", "wrong_symbol", "not_found", "quota", "bad_key"):
        assert refusal(vendor, request, variant=variant) == variant
    twice = SEC.parse(request, told(Vendor(TRUTH), request, variant="duplicates"))
    assert twice[dataset].equals(SEC.parse(request, told(Vendor(TRUTH), request))[dataset])


@pytest.mark.parametrize("agent", ["", "marketkeep", "Mozilla/5.0"])
def test_a_client_without_a_contact_gets_a_page(vendor: Vendor, agent: str) -> None:
    """
    Trap 54: without a mail address in the User-Agent, every data path answers 403 with HTML.
    """
    for request in (*asked("facts", 1), *asked("facts", *range(2, 303))):
        answer = told(vendor, request, headers={"user-agent": agent})
        assert (answer.status, b"Undeclared Automated Tool" in answer.body) == (403, True)


def test_companies_and_pages_that_are_not_there(vendor: Vendor) -> None:
    """
    An unknown company is a 404 in XML; so is a page beyond the last, and a company not yet listed.
    """
    assert refusal(vendor, asked("facts", 5)[0]) == "not_found"
    cik = next(reporting())
    page = replace(
        asked("filings", cik)[0], url=f"https://data.sec.gov/submissions/CIK{cik:010d}-submissions-099.json#99"
    )
    assert refusal(vendor, page) == "not_found"
    later = next(one for one in map(COMPANIES.company, reporting()) if one and one.security.first > TRUTH.first)
    before = datetime(2021, 1, 4, tzinfo=UTC)
    assert told(vendor, asked("filings", later.cik)[0], before).status == 404


def test_paths_of_others_are_left_to_them(vendor: Vendor) -> None:
    """
    The ticker lists are another vendor's on the same host; keys name what is asked.
    """
    for path in ("/files/company_tickers.json", "/files/company_tickers_exchange.json", "/", "/submissions/CIK5.json"):
        ask = Ask("www.sec.gov", path, {}, EVENING.timestamp(), CONTACT)
        assert (vendor.answer(ask), vendor.key_of(ask)) == (None, None)
    keys = [
        vendor.key_of(Ask("", urlsplit(one.url).path, {}, 0.0))
        for one in (
            asked("facts", 42)[0],
            asked("filings", 42)[0],
            replace(
                asked("filings", 42)[0], url="https://data.sec.gov/submissions/CIK0000000042-submissions-002.json#3"
            ),
            asked("facts", *range(2, 303))[0],
        )
    ]
    assert keys == ["CIK0000000042", "CIK0000000042 filings", "CIK0000000042 filings 002", "companyfacts.zip"]


def test_the_probe_is_answered(vendor: Vendor) -> None:
    """
    Apple's number is there whatever the truth is, so that a probe of the source goes well.
    """
    probe = SEC.probe(EVENING)
    assert SEC.parse(probe, told(vendor, probe))["companies"]["name"].to_list() == ["Apple Inc."]


def test_forms_are_the_vendors_own(vendor: Vendor) -> None:
    """
    Trap 62: `cik` is an int in facts and a padded text in submissions, a label may be null, an instant has no start.
    """
    cik = next(reporting())
    own = [orjson.loads(told(vendor, asked(dataset, cik)[0]).body) for dataset in ("facts", "filings")]
    assert (own[0]["cik"], own[1]["cik"]) == (cik, f"{cik:010d}")
    concepts = own[0]["facts"]["us-gaap"]
    assert None in {about["label"] for about in concepts.values()}
    assert "start" not in concepts["Assets"]["units"]["USD"][0]
