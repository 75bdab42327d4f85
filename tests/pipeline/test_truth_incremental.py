"""
However raw comes in, what is published is what a rebuild of the same raw publishes, byte for byte: bars and actions of
several sources in random order, flawed, revised, told again, told late, under an old ticker or a new one.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from gym_keep import published_tree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_raw import ACTIONS, BARS, HAND_INS, TICKERS, Actions, Bars, HandIn, Rename, new_keep

from marketkeep.pipeline.rebuild import rebuild
from small_keep import SmallKeep

OFTEN = settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def published(keep: SmallKeep) -> dict[str, bytes]:
    """Every published file's bytes, by its path."""
    return {name: (keep.root / name).read_bytes() for name in published_tree(keep.root)}


def same_as_rebuilt(keep: SmallKeep) -> None:
    """Rebuild and compare every published file, catalog and findings included; what differs is shown."""
    before = published(keep)
    rebuild(keep.work)
    after = published(keep)
    told = [difference(name, before.get(name), after.get(name)) for name in sorted(before.keys() | after.keys())]
    assert not any(told), "\n".join(filter(None, told))


def difference(name: str, grown: bytes | None, rebuilt: bytes | None) -> str:
    """What of a file differs, in a form that a person can read; empty if nothing does."""
    if grown == rebuilt:
        return ""
    if grown is None or rebuilt is None:
        return f"{name}: only {'rebuilt' if grown is None else 'grown'}"
    if not name.endswith((".json", ".jsonl")):
        return f"{name}: differs"
    ours, theirs = _rows(grown), _rows(rebuilt)
    extra, missing = [one for one in ours if one not in theirs], [one for one in theirs if one not in ours]
    return f"{name}:\n  grown   {extra[:3]}\n  rebuilt {missing[:3]}"


def _rows(body: bytes) -> list[str]:
    try:
        told = json.loads(body)
    except ValueError:
        return body.decode().splitlines()
    return [str(one) for one in (told if isinstance(told, list) else told.get("rows", [told]))]


@pytest.mark.slow
@given(HAND_INS)
@OFTEN
def test_grown_is_rebuilt(files: list[HandIn]) -> None:
    """
    Files in any order, windows, bases and flaws: what has grown from them is what a rebuild makes.
    """
    with tempfile.TemporaryDirectory() as folder:
        keep = new_keep(Path(folder))
        for one in files:
            one.hand_in(keep)
        same_as_rebuilt(keep)


def test_findings_of_refused_rows_follow_a_rename(tmp_path: Path) -> None:
    """
    Of a symbol whose only row was refused nothing is published but findings; a rename takes these along.
    """
    keep = new_keep(tmp_path)
    Bars("csv", "OLD", 0, 1, flaw="volume negative").hand_in(keep)
    Rename().hand_in(keep)
    same_as_rebuilt(keep)


@pytest.mark.slow
@given(st.lists(BARS, min_size=1, max_size=4), st.sampled_from(("a", "b", "csv")), st.integers(0, 200))
@OFTEN
def test_small_news_on_a_long_history(news: list[Bars], source: str, begins: int) -> None:
    """
    A long history is held; whatever small files come then, of whatever days, the rest stays right.
    """
    with tempfile.TemporaryDirectory() as folder:
        keep = new_keep(Path(folder))
        Bars(source, "NEW", begins, 280).hand_in(keep)
        for one in news:
            one.hand_in(keep)
        same_as_rebuilt(keep)


@pytest.mark.slow
@given(st.lists(st.one_of(BARS, ACTIONS), min_size=2, max_size=5), st.randoms(use_true_random=False))
@OFTEN
def test_order_of_batches_does_not_matter(files: list[HandIn], chance: random.Random) -> None:
    """
    The same files received at the same times, taken in in another order, come to the same bars and actions.
    """
    order = list(range(len(files)))
    chance.shuffle(order)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        assert answers(Path(one), files, range(len(files))) == answers(Path(other), files, order)


def answers(folder: Path, files: Sequence[HandIn], order: Iterable[int]) -> dict[str, list[tuple[object, ...]]]:
    """What a keep answers that took the files in this order, each at the time of its place in the list."""
    keep = new_keep(folder)
    begun = keep.now
    for number in order:
        keep.now = begun + timedelta(days=number)
        files[number].hand_in(keep)
    opened = keep.open()
    told = {f"{symbol} bars": opened.bars(symbol).polars().rows() for symbol in opened.symbols()}
    return told | {f"{symbol} actions": opened.actions(symbol).rows() for symbol in opened.symbols()}


def test_split_told_again_with_another_ratio(tmp_path: Path) -> None:
    """
    A split that a second source tells otherwise, and then a third rightly, moves every year's factors each time.
    """
    keep = new_keep(tmp_path)
    Bars("a", "NEW", 0, 280, tells=False).hand_in(keep)
    for told in (
        Actions("b", "NEW", "split", 0, wrong=10),
        Actions("a", "NEW", "split", 0),
        Actions("csv", "NEW", "split", 0),
    ):
        told.hand_in(keep)
        same_as_rebuilt(keep)


def test_action_in_the_hole_between_two_bars(tmp_path: Path) -> None:
    """
    An action that no bar follows has no factor; a bar that comes far behind it gives it one.
    """
    keep = new_keep(tmp_path)
    for one in (Actions("a", "NEW", "split", 0), Bars("a", "NEW", 14, 1), Bars("a", "NEW", 92, 1)):
        one.hand_in(keep)
    assert keep.open().actions("NEW")["adjustment_factor"].to_list() == [0.25]
    same_as_rebuilt(keep)


def test_late_old_bars(tmp_path: Path) -> None:
    """
    Bars older than all that is held, and then one in the hole between: scores of what lies behind them follow.
    """
    keep = new_keep(tmp_path)
    Bars("a", "NEW", 100, 180).hand_in(keep)
    Bars("b", "NEW", 0, 95, flaw="spike", at=90).hand_in(keep)
    same_as_rebuilt(keep)
    Bars("a", "NEW", 96, 3).hand_in(keep)
    same_as_rebuilt(keep)


def test_absurd_value_that_a_second_source_supports_later(tmp_path: Path) -> None:
    """
    A value a hundred times what is around it is rejected, until another source says the same; and the other way round.
    """
    keep = new_keep(tmp_path)
    Bars("a", "NEW", 0, 150, flaw="hundredfold", at=140).hand_in(keep)
    Bars("b", "NEW", 138, 5, flaw="hundredfold", at=2).hand_in(keep)
    same_as_rebuilt(keep)
    Bars("a", "NEW", 130, 20).hand_in(keep)
    same_as_rebuilt(keep)


def test_rename_told_before_between_and_after(tmp_path: Path) -> None:
    """
    Bars under the old ticker and the new one come together, whenever the rename is told.
    """
    told: list[pl.DataFrame] = []
    pieces: tuple[HandIn, ...] = (Bars("a", "OLD", 0, 125), Bars("a", "NEW", 125, 100), Bars("b", "NEW", 60, 200))
    for place in range(len(pieces) + 1):
        keep = new_keep(tmp_path / str(place))
        for one in (*pieces[:place], Rename(), *pieces[place:]):
            one.hand_in(keep)
        same_as_rebuilt(keep)
        told.append(keep.open().bars("NEW").polars())
    assert all(one.equals(told[0]) for one in told)
    assert set(TICKERS) == {"NEW", "OLD", "NA"}
