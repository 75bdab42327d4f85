"""Submissions: who a company is and what it filed, forms and instants as told."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sec_answers import CIK, COMPANY, SEC, asked, filings, parse, payload, refused, submissions

from marketkeep.model import RAW_TABLES


def test_sec_plain_filing() -> None:
    """
    One filing is one row; an empty text is unknown.
    """
    recent = filings(
        "8-K", "4", items=["2.02,9.01", ""], primaryDocument=["a.htm", ""], reportDate=["2024-05-02", ""], size=[1, 2]
    )
    frame = parse("filings", submissions(recent))["filings"]
    assert frame.row(0) == (
        CIK,
        "0000000042-24-000900",
        "8-K",
        date(2024, 5, 6),
        date(2024, 5, 2),
        datetime(2024, 5, 6, 20, 15, tzinfo=UTC),
        "2.02,9.01",
        "a.htm",
    )
    assert frame.row(1)[4:] == (None, datetime(2024, 5, 5, 20, 15, 1, tzinfo=UTC), None, None)
    assert dict(frame.schema) == RAW_TABLES["filings"].delivered


def test_sec_company_is_described_once() -> None:
    """
    The first answer tells who the company is; an older page has filings only.
    """
    (row,) = parse("filings", submissions())["companies"].iter_rows(named=True)
    assert row == {
        "cik": CIK,
        "name": "Made Up Inc",
        "symbols": ["MADE"],
        "exchanges": ["Nasdaq"],
        "sic": 3571,
        "industry": "Electronic Computers",
        "fiscal_year_end": "0926",
        "former_names": [],
    }
    page = SEC.parse(
        asked("filings", f"https://data.sec.gov/submissions/{COMPANY}-submissions-001.json#1"),
        payload(filings("10-K", "15-12G")),
    )
    assert {name: frame.height for name, frame in page.items()} == {"filings": 2}


def test_forms_that_end_a_listing_keep_their_text() -> None:
    """
    Trap 8: Form 25 and Form 15 in all their spellings are what proves a delisting.
    """
    forms = ("25", "25-NSE", "15-12B", "15-12G", "15-15D")
    assert parse("filings", submissions(filings(*forms)))["filings"]["form"].to_list() == list(forms)


def test_trap_52_acceptance_is_an_instant_as_told() -> None:
    """
    Trap 52: the instant is read as the UTC it claims to be, with and without parts of a second; a filing may lack it.
    """
    told = filings("10-K", "10-Q", "8-K", acceptanceDateTime=["2024-05-06T20:31:02.000Z", "2024-05-06T20:31:02Z", ""])
    accepted = datetime(2024, 5, 6, 20, 31, 2, tzinfo=UTC)
    assert parse("filings", submissions(told))["filings"]["accepted_at"].to_list() == [accepted, accepted, None]
    told = filings("10-K")
    del told["acceptanceDateTime"]
    assert parse("filings", submissions(told))["filings"]["accepted_at"].to_list() == [None]


def test_former_names_have_the_days_that_are_written() -> None:
    """
    Midnight in New York and in UTC both mean the day that is written; an end may be unknown.
    """
    names = [
        {"name": "OLD INC", "from": "2007-01-10T05:00:00.000Z", "to": "2019-08-05T04:00:00.000Z"},
        {"name": "OLDER INC", "from": "1995-01-10T00:00:00.000Z", "to": None},
    ]
    (row,) = parse("filings", submissions(formerNames=names))["companies"].iter_rows(named=True)
    assert row["former_names"] == [
        {"name": "OLD INC", "from": date(2007, 1, 10), "to": date(2019, 8, 5)},
        {"name": "OLDER INC", "from": date(1995, 1, 10), "to": None},
    ]


def test_trap_29_tickers_are_canonical_each_with_its_exchange() -> None:
    """
    Traps 29 and 63: classes and preferreds in canonical form; what is no ticker goes with its exchange; names as words.
    """
    told = submissions(tickers=["BRK-B", "TWO-PC", "?!", "NA", "TRUE"], exchanges=["NYSE", "NYSE", "OTC", None])
    (row,) = parse("filings", told)["companies"].iter_rows(named=True)
    assert row["symbols"] == ["BRK.B", "TWO.PRC", "NA", "TRUE"]
    assert row["exchanges"] == ["NYSE", "NYSE", None, None]


@pytest.mark.parametrize(
    "told",
    [
        {"sic": "", "sicDescription": "", "fiscalYearEnd": None, "tickers": [], "exchanges": []},
        {"sic": None, "sicDescription": None, "fiscalYearEnd": "", "tickers": None, "exchanges": None},
    ],
)
def test_trap_62_what_is_not_told_of_a_company_is_null(told: dict[str, Any]) -> None:
    """
    A person or a foreign issuer has no code, no year end and no ticker.
    """
    (row,) = parse("filings", submissions(**told))["companies"].iter_rows(named=True)
    assert (row["sic"], row["industry"], row["fiscal_year_end"], row["symbols"]) == (None, None, None, [])


def test_a_filing_told_twice_is_one() -> None:
    """
    Rows that are the same in every part add nothing.
    """
    told = {name: values * 2 for name, values in filings("10-K", "10-Q").items()}
    assert parse("filings", submissions(told))["filings"].height == 2


def test_a_company_without_filings_is_empty() -> None:
    """
    Nobody is at the SEC without a filing: an empty list settles nothing.
    """
    assert refused("filings", submissions(filings())) == ("empty", True)
    assert refused("filings", filings()) == ("empty", True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"form": ["10-K"]},
        {"form": "10"},
        {"form": [10, 10]},
        {"form": [None, "10-K"]},
        {"filingDate": ["2024-05-06", ""]},
        {"filingDate": ["2024-05-06", "yesterday"]},
        {"acceptanceDateTime": ["2024-05-06T20:31:02.000Z", "noon"]},
        {"accessionNumber": [1, 2]},
        {"reportDate": ["x", "y"]},
        {"items": ["a"]},
    ],
)
def test_filings_that_are_none_spoil_the_answer(wrong: dict[str, Any]) -> None:
    """
    Columns of different lengths and values of another kind are refused, not passed over.
    """
    assert refused("filings", submissions(filings("10-K", "10-Q") | wrong)) == ("malformed", True)


@pytest.mark.parametrize(
    "wrong", [{"name": None}, {"name": 5}, {"sic": "x"}, {"tickers": [5]}, {"formerNames": [{"from": 5}]}]
)
def test_a_company_that_is_none_spoils_the_answer(wrong: dict[str, Any]) -> None:
    """
    A company has a name, and its code is a number.
    """
    assert refused("filings", submissions(**wrong)) == ("malformed", True)
