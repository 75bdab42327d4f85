"""Chains: pages are held back until the last has come, and only that one settles what was asked."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from marketkeep.model import RAW_TABLES, Frames, Lineage, Request
from marketkeep.pipeline.batching import Batching
from marketkeep.pipeline.collecting.chains import INCOMPLETE, Chain, Chains
from small_keep import SmallKeep

START, END = date(2025, 5, 5), date(2025, 5, 9)
NOW = datetime(2025, 6, 2, 22, tzinfo=UTC)
URL = "https://v.example/bars"


@pytest.fixture
def batching(tmp_path: Path) -> Batching:
    """The batches of one run of an empty keep."""
    return Batching(SmallKeep(tmp_path / "keep").work, "run")


def request(cursor: str = "", *symbols: str) -> Request:
    """A page of a chain, the first without a cursor."""
    params = (("cursor", cursor),) if cursor else ()
    return Request("vendor", "daily_bars", URL, params, symbols or ("AAPL",), START, END)


def page(one: Request, day: int) -> tuple[Request, Lineage, Frames]:
    """A page with one bar."""
    row = {"symbol": "AAPL", "date": date(2025, 5, day), "basis": "as_traded", "volume": 1.0}
    row |= dict.fromkeys(("open", "high", "low", "close"), 1.0)
    frame = pl.DataFrame([row], schema_overrides={"date": pl.Date})
    lineage = Lineage(f"sha256:{day}", "pack", day, one.full_url, one.symbols, one.start, one.end, NOW)
    return one, lineage, {"daily_bars": frame.select(n for n in RAW_TABLES["daily_bars"].delivered if n in row)}


def written(batching: Batching) -> list[Lineage]:
    """What the batches remember of their answers, in order."""
    batching.flush()
    store = batching.work.batches
    return [one for path in store.paths() for one in store.lineage(path)]


def test_pages_are_held_until_the_last(batching: Batching) -> None:
    """
    Nothing is batched before the chain is complete; then all rows are, and the last page alone settles the span.
    """
    chain = Chain()
    for number, token in enumerate(("", "b", "c"), start=5):
        chain.add(*page(request(token), number))
    assert batching.rows == 0
    chain.complete(batching)
    told = written(batching)
    assert batching.rows == 3
    assert [(one.rows, one.start, one.end, one.refused) for one in told] == [
        (1, None, None, None),
        (1, None, None, None),
        (1, START, END, None),
    ]


def test_one_page_settles_at_once(batching: Batching) -> None:
    """
    An answer in one piece is a chain of one.
    """
    chain = Chain()
    chain.add(*page(request(), 5))
    chain.complete(batching)
    [one] = written(batching)
    assert (one.start, one.end) == (START, END)


def test_abandoned_pages_give_no_rows(batching: Batching) -> None:
    """
    Of a chain whose rest does not come no row is taken and nothing is settled; that its pages came is remembered.
    """
    chain = Chain()
    chain.add(*page(request(), 5))
    chain.add(*page(request("b"), 6))
    chain.abandon(batching)
    told = written(batching)
    assert batching.rows == 0
    assert [(one.refused, one.start, one.digest) for one in told] == [
        (INCOMPLETE, None, "sha256:5"),
        (INCOMPLETE, None, "sha256:6"),
    ]


def test_chain_is_told_once(batching: Batching) -> None:
    """
    A chain that was completed or abandoned is empty: neither is done twice.
    """
    chain = Chain()
    chain.add(*page(request(), 5))
    chain.complete(batching)
    chain.complete(batching)
    chain.abandon(batching)
    assert len(written(batching)) == 1
    Chain().complete(batching)


def test_pages_found_find_their_chain(batching: Batching) -> None:
    """
    A landed page goes on with the chain that waits for it; one that none waits for begins another.
    """
    chains = Chains()
    first = chains.take(request())
    first.add(*page(request(), 5))
    chains.wait(first, request("b"))
    assert chains.take(request("c")) is not first
    assert chains.take(request("b")) is first
    assert chains.take(request("b")) is not first


def test_two_chains_at_one_address(batching: Batching) -> None:
    """
    Two answers for other symbols may go on at one address: each page finds its own.
    """
    chains = Chains()
    ours, theirs = chains.take(request("", "AAPL")), chains.take(request("", "MSFT"))
    chains.wait(ours, request("b", "AAPL"))
    chains.wait(theirs, request("b", "MSFT"))
    assert chains.take(request("b", "MSFT")) is theirs
    assert chains.take(request("b", "AAPL")) is ours


def test_key_in_an_address_does_not_part_a_chain(batching: Batching) -> None:
    """
    What was landed has its key redacted; the page that follows is found all the same.
    """
    chains, chain = Chains(), Chain()
    chains.wait(chain, Request("vendor", "daily_bars", URL, (("apikey", "hunter2"), ("cursor", "b")), ("AAPL",)))
    landed = Request("vendor", "daily_bars", f"{URL}?apikey=REDACTED&cursor=b", (), ("AAPL",))
    assert chains.take(landed) is chain


def test_what_still_waits_is_abandoned(batching: Batching) -> None:
    """
    When no more pages are to be found every open chain is given up, once.
    """
    chains = Chains()
    for symbol, day in (("AAPL", 5), ("MSFT", 6)):
        chain = chains.take(request("", symbol))
        chain.add(*page(request("", symbol), day))
        chains.wait(chain, request("b", symbol))
    chains.abandon(batching)
    chains.abandon(batching)
    assert [one.refused for one in written(batching)] == [INCOMPLETE] * 2
