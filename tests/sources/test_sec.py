"""The SEC: what it asks of a client, which requests it plans, how pages and zips go on, and what is refused."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sec_answers import (
    COMPANY,
    NOW,
    SEC,
    TODAY,
    TOMORROW,
    asked,
    companyfacts,
    fact,
    parse,
    payload,
    refused,
    submissions,
)

from marketkeep.errors import PayloadRefused
from marketkeep.model import RAW_TABLES, Payload, Query, Request

ZIPS = {
    "facts": "https://www.sec.gov/Archives/edgar/daily-index/xbrl/companyfacts.zip",
    "filings": "https://www.sec.gov/Archives/edgar/daily-index/bulkdata/submissions.zip",
}


def query(dataset: str, count: int) -> Query:
    """A query about many companies, for the years before today."""
    companies = tuple(f"CIK{number:010d}" for number in range(count, 0, -1))
    return Query(dataset, companies, TODAY - timedelta(days=3000), TODAY, NOW)


# --- what it declares and plans --------------------------------------------------------------------------------------


def test_sec_says_whom_to_contact() -> None:
    """
    Trap 54: a contact goes in the User-Agent, and with the ticker lists' two a second the SEC's ten are not passed.
    """
    assert SEC.access.needs == ("contact",)
    assert dict(SEC.access.headers) == {"User-Agent": "marketkeep {contact}"}
    assert SEC.rate.calls / SEC.rate.seconds <= 8
    assert set(SEC.offers) | set(SEC.offers["filings"].carries) <= set(RAW_TABLES)


@pytest.mark.parametrize("dataset", ["facts", "filings"])
def test_few_companies_are_asked_one_by_one(dataset: str) -> None:
    """
    Up to 300 companies are a request each, in their order, and settle today whatever window was asked.
    """
    wanted = query(dataset, 300)
    planned = SEC.plan(wanted)
    assert [request.symbols for request in planned] == [(company,) for company in wanted.symbols]
    path = "api/xbrl/companyfacts" if dataset == "facts" else "submissions"
    assert planned[0].full_url == f"https://data.sec.gov/{path}/CIK0000000300.json"
    assert {(one.start, one.end, one.packed) for one in planned} == {(TODAY, TOMORROW, False)}


@pytest.mark.parametrize("dataset", ["facts", "filings"])
def test_many_companies_are_one_download(dataset: str) -> None:
    """
    Trap 54: more are one zip, whose members answer for the companies asked for and no other.
    """
    wanted = query(dataset, 301)
    (bulk,) = SEC.plan(wanted)
    assert (bulk.url, bulk.packed, bulk.symbols) == (ZIPS[dataset], True, wanted.symbols)
    one = SEC.unpack(bulk, "CIK0000000007.json")
    url = f"{ZIPS[dataset]}#CIK0000000007.json"
    assert one == Request("sec", dataset, url, (), ("CIK0000000007",), TODAY, TOMORROW)
    assert SEC.unpack(bulk, "CIK0000000302.json") is None
    assert SEC.unpack(replace(bulk, symbols=("CIK0000000302",)), "CIK0000000302.json") is not None


def test_members_that_are_no_answers_are_passed_over() -> None:
    """
    Trap 62: submissions.zip holds older pages of its own, and other files that say nothing.
    """
    bulk = replace(SEC.plan(query("filings", 301))[0])
    page = SEC.unpack(bulk, "CIK0000000007-submissions-012.json")
    assert page is not None
    assert page.symbols == ("CIK0000000007",)
    for name in ("placeholder.txt", "", "CIK7.json", "x/CIK0000000007.json", "CIK0000000007.json.bak"):
        assert SEC.unpack(bulk, name) is None
    assert SEC.unpack(replace(bulk, dataset="facts"), "CIK0000000007-submissions-012.json") is None
    assert SEC.unpack(replace(bulk, dataset="daily_bars"), "CIK0000000007.json") is None


def test_older_pages_follow_one_another() -> None:
    """
    Trap 62: the first answer tells how many older pages there are; each is asked for, and the last one ends it.
    """
    first = asked("filings")
    one = SEC.next_page(first, payload(submissions(pages=2)))
    assert one is not None
    assert one.url == f"https://data.sec.gov/submissions/{COMPANY}-submissions-001.json#2"
    assert (one.symbols, one.start, one.end) == (first.symbols, first.start, first.end)
    two = SEC.next_page(one, payload({}))
    assert two is not None
    assert two.url.endswith("-submissions-002.json#2")
    assert SEC.next_page(two, payload({})) is None


@pytest.mark.parametrize(
    "told",
    [
        submissions(),
        b"",
        b"<html>",
        b"[]",
        {},
        {"filings": None},
        {"filings": {"files": {"a": 1}}},
        {"filings": {"files": [1]}},
        {"filings": {"files": [{"name": 5}]}},
        {"filings": {"files": [{"name": "CIK0000000043-submissions-001.json"}]}},
    ],
)
def test_nothing_follows_where_no_page_is_named(told: Any) -> None:
    """
    No further page: none named, another company's, or no answer at all.
    """
    assert SEC.next_page(asked("filings"), payload(told)) is None


def test_nothing_follows_facts_and_members_of_a_zip() -> None:
    """
    Facts are whole; in a zip the older pages are members.
    """
    assert SEC.next_page(asked("facts"), payload(companyfacts(fact()))) is None
    member = asked("filings", f"{ZIPS['filings']}#{COMPANY}.json")
    assert SEC.next_page(member, payload(submissions(pages=2))) is None
    assert SEC.next_page(replace(asked("filings"), symbols=()), payload(submissions(pages=2))) is None


def test_probe_is_one_company() -> None:
    """
    One call shows whether the SEC answers.
    """
    probe = SEC.probe(NOW)
    assert (probe.dataset, probe.symbols, probe.start) == ("filings", ("CIK0000320193",), TODAY)


# --- what is refused -------------------------------------------------------------------------------------------------

MISSING = (
    b"<?xml version='1.0'?><Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"
)
DENIED = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
UNDECLARED = b"<html><title>SEC.gov | Your Request Originates from an Undeclared Automated Tool</title></html>"
TOO_MANY = b"<html><title>SEC.gov | Request Rate Threshold Exceeded</title></html>"


@pytest.mark.parametrize("dataset", ["facts", "filings"])
@pytest.mark.parametrize(
    ("body", "status", "code", "retry"),
    [
        (MISSING, 404, "not_found", False),
        (DENIED, 403, "not_found", False),
        (UNDECLARED, 403, "bad_key", False),
        (b"", 403, "bad_key", False),
        (TOO_MANY, 403, "quota", False),
        (TOO_MANY, 429, "quota", False),
        (b"", 304, "http_304", False),
        (b"<!DOCTYPE html><html>SEC.gov | File Unavailable</html>", 503, "http_503", False),
        (b"\n <!DOCTYPE html><html>SEC.gov</html>", 200, "malformed", True),
        (b"", 200, "malformed", True),
        (b"null", 200, "malformed", True),
        (b"[]", 200, "malformed", True),
        (b'{"cik":42,"facts":{"us-gaap"', 200, "malformed", True),
        (b'{"cik":"x"}', 200, "malformed", True),
        (b'{"cik":null}', 200, "malformed", True),
        (b'{"cik":42}', 200, "malformed", True),
        (b"\xff\xfe", 200, "malformed", True),
        (b'{"cik":43}', 200, "wrong_symbol", True),
        (b'{"cik":"0000000043"}', 200, "wrong_symbol", True),
    ],
)
def test_what_is_no_answer_is_refused(dataset: str, body: bytes, status: int, code: str, retry: bool) -> None:
    """
    Traps 54 and 62: XML of missing files, pages of HTML with whatever status, and other companies' documents.
    """
    assert refused(dataset, body, status) == (code, retry)


def test_refusals_say_what_to_do() -> None:
    """
    A missing company and a missing contact are told in one plain sentence.
    """
    with pytest.raises(PayloadRefused, match=f"the SEC has no companyfacts for {COMPANY}"):
        parse("facts", MISSING, 404)
    with pytest.raises(PayloadRefused, match="set MARKETKEEP_CONTACT to a name and a mail address"):
        parse("facts", UNDECLARED, 403)


def test_each_document_is_read_as_what_was_asked_for() -> None:
    """
    Facts are no filings and filings no facts.
    """
    assert refused("facts", submissions()) == ("malformed", True)
    assert refused("filings", companyfacts(fact())) == ("malformed", True)


def test_a_zip_is_not_read_as_one_answer() -> None:
    """
    What answers for many companies is read member by member.
    """
    bulk = SEC.plan(query("facts", 301))[0]
    with pytest.raises(PayloadRefused, match="one company's answer"):
        SEC.parse(bulk, payload(companyfacts(fact())))


def rows_or_refusal(dataset: str, body: bytes) -> None:
    """Read a body: rows as the raw tables have them, or a refusal."""
    request = asked(dataset)
    told = Payload(200, (), body, NOW)
    SEC.next_page(request, told)
    try:
        frames = SEC.parse(request, told)
    except PayloadRefused:
        return
    for name, frame in frames.items():
        assert dict(frame.schema) == RAW_TABLES[name].delivered
        assert not frame.is_empty()


BODIES = {
    "facts": orjson.dumps(companyfacts(fact(), fact(start="2023-01-01", val=1.5, frame="CY2023", fy=None, fp=None))),
    "filings": orjson.dumps(
        submissions(pages=1, formerNames=[{"name": "Old", "from": "2001-01-01T05:00:00.000Z", "to": None}])
    ),
}


@pytest.mark.parametrize("dataset", list(BODIES))
def test_damaged_bytes_give_rows_or_a_refusal(dataset: str) -> None:
    """
    Every cut of an answer and many flipped, doubled and dropped bytes: rows of the right types or a refusal.
    """
    body, rng = BODIES[dataset], random.Random(62)
    for at in range(len(body)):
        rows_or_refusal(dataset, body[:at])
    for _ in range(1500):
        at, more = rng.randrange(len(body)), rng.randrange(1, 12)
        swapped = rng.choice([b"", bytes([rng.randrange(256)]), b"null", b"[]", b"{}", b"-1e9", b'"', b"0"])
        rows_or_refusal(dataset, body[:at] + swapped + body[at + more :])


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("dataset", list(BODIES))
@given(replaced=ANYTHING, pick=st.randoms(use_true_random=False))
def test_any_value_in_any_place_gives_rows_or_a_refusal(dataset: str, replaced: Any, pick: random.Random) -> None:
    """
    Whatever stands where something else should: rows of the right types or a refusal, never another error.
    """
    document = orjson.loads(BODIES[dataset])
    spots = list(places(document))
    holder, name = pick.choice(spots)
    holder[name] = replaced
    rows_or_refusal(dataset, orjson.dumps(document))


def places(part: Any) -> Any:
    """Every place in a document that holds a value."""
    names = list(part) if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ()
    for name in names:
        yield part, name
        yield from places(part[name])
