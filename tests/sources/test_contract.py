"""The contract suite: every rule on every known source, with the gym's answers as the good ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

import pytest
from gym_answers import cases
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketkeep.model import Payload, Request, Source
from marketkeep.pipeline.collecting.book import known_sources
from marketkeep.sources.contract import ASKED, DECLARED, Case
from marketkeep.sources.contract.judging import ill_taken
from marketkeep.sources.contract.rules import first_pages

SOURCES = {one.name: one for one in known_sources()}
ODD = (b"null", b"-1", b"1e400", b'"\\ud800"', b"NaN", b"{}", b"[", b",,", b"9" * 30, b"\r\n", b"2024-02-30", b"\x00")
QUESTIONS = [(name, dataset) for name, one in SOURCES.items() for dataset in one.offers]


@pytest.mark.parametrize("rule", DECLARED, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("name", SOURCES)
def test_what_a_source_says_of_itself_holds(name: str, rule: Callable[[Source], Iterator[str]]) -> None:
    """
    Name, offers, access, pace and probe of every source are as the contract has them.
    """
    assert list(rule(SOURCES[name])) == []


@pytest.mark.parametrize("rule", ASKED, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize(("name", "dataset"), QUESTIONS, ids=map("-".join, QUESTIONS))
def test_a_source_asks_and_reads_as_it_must(
    name: str, dataset: str, rule: Callable[[Source, Case], Iterator[str]]
) -> None:
    """
    Every dataset of every source is asked for and read as the contract has it, damaged answers included.
    """
    assert list(rule(SOURCES[name], cases(SOURCES[name])[dataset])) == []


@pytest.mark.parametrize("name", SOURCES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_bytes_come_they_are_read_or_refused(name: str, data: st.DataObject) -> None:
    """
    Bytes drawn by chance, and good answers cut, changed or doubled by chance, with whatever status: rows asked for or
    a refusal.
    """
    source, (request, payload) = SOURCES[name], data.draw(st.sampled_from(good(name)))
    body = data.draw(st.one_of(st.binary(max_size=200), spoilt(payload.body)))
    status = data.draw(st.sampled_from((200, 200, 200, 400, 401, 403, 404)))
    assert list(ill_taken(source, request, replace(payload, body=body, status=status))) == []


@given(member=st.text(max_size=60))
@settings(max_examples=50, deadline=None)
def test_members_that_nobody_asked_for_are_left(member: str) -> None:
    """
    Whatever a member of a zip is called, it is one that was asked for, or none.
    """
    for name, source in SOURCES.items():
        for request, _ in good(name):
            found = source.unpack(request, member)
            assert found is None or set(found.symbols) <= set(request.symbols)


@cache
def good(name: str) -> list[tuple[Request, Payload]]:
    """The gym's first answers to one request of each dataset of a source."""
    return [next(first_pages(SOURCES[name], case)) for case in cases(SOURCES[name]).values()]


@st.composite
def spoilt(draw: st.DrawFn, body: bytes) -> bytes:
    """An answer with some stretches of it replaced."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(body)))
        end = min(len(body), start + draw(st.sampled_from((0, 1, 2, 8, 60, len(body)))))
        put = draw(st.one_of(st.binary(max_size=3), st.sampled_from(ODD), st.just(body[start:end] * 2)))
        body = body[:start] + put + body[end:]
    return body
