"""Answers in pages and a crash between them: a chain counts when it is whole, and only then."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from gym_keep import published_tree
from pages_keep import DAYS, PAGES, Pages, Say, collect, page_of, whole

from marketkeep.errors import FetchFailed
from marketkeep.files import Folder
from marketkeep.model import Request
from marketkeep.pipeline.journal import open_runs
from marketkeep.pipeline.rebuild import rebuild
from marketkeep.pipeline.recovery import recover
from marketkeep.pipeline.securities import add_symbols
from small_keep import SmallKeep

SYMBOLS = ["AAPL", "MSFT"]


@pytest.fixture
def keep(tmp_path: Path) -> SmallKeep:
    """A keep that follows two symbols and holds nothing yet."""
    made = SmallKeep(tmp_path / "keep", now=datetime(2025, 6, 2, 22, tzinfo=UTC))
    add_symbols(made.work, SYMBOLS, start=DAYS[0])
    return made


def at(symbol: str, number: int, said: bytes | BaseException) -> Say:
    """Say this in the place of one page."""

    def say(request: Request) -> bytes | BaseException | None:
        return said if (request.symbols[0], page_of(request)) == (symbol, number) else None

    return say


def refused(keep: SmallKeep) -> list[str]:
    """Why answers were refused, from all batches."""
    lineage = [one for path in keep.work.batches.paths() for one in keep.work.batches.lineage(path)]
    return [one.refused for one in lineage if one.refused]


def test_pages_are_asked_one_behind_the_other(keep: SmallKeep) -> None:
    """
    Undisturbed, each page is asked once, and all bars are there, those of a symbol that is cut in two as well.
    """
    vendor = Pages(keep)
    outcome = collect(keep, vendor)
    assert vendor.pages == [("AAPL", 1), ("AAPL", 2), ("AAPL", 3)]
    assert outcome.missing_after == 0
    assert whole(keep, SYMBOLS)
    again = Pages(keep)
    collect(keep, again)
    assert again.pages == []


@pytest.mark.parametrize("number", range(1, PAGES + 1))
def test_pages_of_a_chain_cut_short_give_no_rows(keep: SmallKeep, number: int) -> None:
    """
    Cut short before a page, the pages that came are remembered as incomplete, and the window is asked for again.
    """
    with pytest.raises(KeyboardInterrupt):
        collect(keep, Pages(keep, at("AAPL", number, KeyboardInterrupt())))
    recover(keep.work, publish=True)
    assert open_runs(keep.root) == []
    assert refused(keep) == ["incomplete"] * (number - 1)
    assert keep.open().symbols() == []
    vendor = Pages(keep)
    assert collect(keep, vendor).missing_after == 0
    assert vendor.pages == [("AAPL", 1), ("AAPL", 2), ("AAPL", 3)]
    assert whole(keep, SYMBOLS)


def test_whole_chain_is_taken_up_without_asking(keep: SmallKeep) -> None:
    """
    A chain that had come whole is published from what was landed; only the one beside it, cut short, is asked again.
    """
    # Another start is another window, and so another chain.
    add_symbols(keep.work, ["NA"], start=DAYS[1])
    with pytest.raises(KeyboardInterrupt):
        collect(keep, Pages(keep, at("NA", 3, KeyboardInterrupt())))
    recover(keep.work, publish=True)
    assert whole(keep, SYMBOLS)
    assert refused(keep) == ["incomplete"] * 2
    vendor = Pages(keep)
    collect(keep, vendor)
    assert vendor.pages == [("NA", 1), ("NA", 2), ("NA", 3)]
    before = published_tree(keep.root)
    rebuild(keep.work)
    assert published_tree(keep.root) == before


def test_taken_up_twice_is_the_same(keep: SmallKeep) -> None:
    """
    A recovery that is itself cut short and done again leaves what one leaves.
    """
    with pytest.raises(KeyboardInterrupt):
        collect(keep, Pages(keep, at("AAPL", 3, KeyboardInterrupt())))
    [mark] = open_runs(keep.root)
    recover(keep.work, publish=False)
    batches = keep.work.batches.paths()
    Folder(keep.root).write(f"journal/open/{mark}", b"")
    recover(keep.work, publish=True)
    assert keep.work.batches.paths() == batches
    assert keep.open().symbols() == []


def test_page_that_never_comes_spoils_its_chain_alone(keep: SmallKeep) -> None:
    """
    Without a crash too: when a page fails for good nothing of its chain is published, and the next run asks anew.
    """
    gone = FetchFailed("alpaca", "https://data.alpaca.markets", ("bad_url",), permanent=True)
    outcome = collect(keep, Pages(keep, at("AAPL", 2, gone)))
    assert outcome.missing_after == 2 * len(DAYS)
    assert sorted(refused(keep)) == ["bad_url", "incomplete"]
    assert keep.open().symbols() == []
    vendor = Pages(keep)
    collect(keep, vendor)
    assert vendor.pages[0] == ("AAPL", 1)
    assert whole(keep, SYMBOLS)


def test_damaged_page_is_asked_again_within_its_chain(keep: SmallKeep) -> None:
    """
    A page that is not JSON is asked for again; the pages before it are not.
    """
    spoiled = [b"<html>"]

    def once(request: Request) -> bytes | None:
        return spoiled.pop() if page_of(request) == 2 and spoiled else None

    vendor = Pages(keep, once)
    collect(keep, vendor)
    assert vendor.pages == [("AAPL", 1), ("AAPL", 2), ("AAPL", 2), ("AAPL", 3)]
    assert refused(keep) == ["malformed"]
    assert whole(keep, SYMBOLS)
