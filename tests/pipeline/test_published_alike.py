"""However raw came in, what is published is what a rebuild of the same raw publishes."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path

import pytest
from gym_keep import published_tree

from marketkeep.pipeline.rebuild import rebuild
from small_keep import SmallKeep, sessions

# Over the turn of a year, so that ex-dates fall on the first session of one.
DAYS = sessions("2019-12-20", 16)
NEW_YEAR = date(2020, 1, 2)


def same_after_rebuild(keep: SmallKeep) -> None:
    """Rebuild and compare every published file, the catalog and the findings included."""
    before = published_tree(keep.root)
    rebuild(keep.work)
    assert published_tree(keep.root) == before


def some_bars(chance: random.Random) -> list[tuple[object, ...]]:
    """A run of sessions with now and then a hole, a flaw, a dividend, a split."""
    first = chance.randrange(len(DAYS) - 1)
    rows: list[tuple[object, ...]] = []
    for day in DAYS[first : first + chance.randrange(1, 12)]:
        if chance.random() < 0.15:
            continue
        close = chance.choice((10.0, 10.02, 10.3, 11.0, 20.0))
        dividend = chance.choice((0.0, 0.0, 0.0, 0.5, 0.51, 30.0))
        ratio = chance.choice((1.0, 1.0, 1.0, 1.0, 2.0, 4.0, 0.1))
        rows.append((day, close, dividend, ratio, chance.choice((1000, 1000, 1000, "", -5, 0))))
    return rows or [(DAYS[first], 10.0)]


@pytest.mark.parametrize("seed", range(25))
def test_random_files_publish_what_a_rebuild_does(tmp_path: Path, seed: int) -> None:
    """
    Files of several sources and symbols in random order, windows and flaws: after each the published files are those of
    a rebuild.
    """
    chance = random.Random(seed)
    keep = SmallKeep(tmp_path / "keep")
    for _ in range(chance.randrange(2, 6)):
        keep.bars(
            *some_bars(chance), source=chance.choice(("a", "b", "csv")), symbol=chance.choice(("AAPL", "AAPL", "NA"))
        )
    same_after_rebuild(keep)


@pytest.mark.parametrize("seed", range(15))
def test_random_adjusted_files_publish_what_a_rebuild_does(tmp_path: Path, seed: int) -> None:
    """
    The same with files that are split-adjusted or fully adjusted among them: a finding quotes prices as traded, so an
    action told later changes what was found before.
    """
    chance = random.Random(1000 + seed)
    keep = SmallKeep(tmp_path / "keep")
    header = "Symbol,Date,Open,High,Low,Close,Volume,Dividends,Stock Splits"
    for _ in range(chance.randrange(2, 6)):
        rows = [
            ("AAPL", day, close, close * 1.1, close * 0.9, close, volume, paid, 0 if ratio == 1 else ratio)
            for day, close, paid, ratio, volume in (row for row in some_bars(chance) if len(row) == 5)
        ] or [("AAPL", DAYS[0], 1, 1, 1, 1, 1, 0, 0)]
        basis = chance.choice(("as_traded", "split_adjusted", "adjusted"))
        keep.take(keep.write(header, rows), source=chance.choice(("a", "b", "csv")), basis=basis)
    same_after_rebuild(keep)


def test_second_witness_of_a_new_years_dividend(tmp_path: Path) -> None:
    """
    A source that confirms an action on the first session of a year is named among its witnesses, as in a rebuild.
    """
    keep = SmallKeep(tmp_path / "keep")
    keep.bars(*((day, 10.0, 0.5 if day == NEW_YEAR else 0.0) for day in DAYS), source="a")
    keep.bars(*((day, 10.0, 0.5 if day == NEW_YEAR else 0.0) for day in DAYS if day >= NEW_YEAR), source="b")
    [told] = keep.open().actions("AAPL").rows(named=True)
    assert (told["status"], told["told"]) == ("confirmed", "a=0.5 (as_traded), b=0.5 (as_traded)")
    same_after_rebuild(keep)


def test_first_bar_after_a_long_hole_makes_an_action_apply(tmp_path: Path) -> None:
    """
    An action told before the first bar behind a hole of more than a year takes the last close before the hole, as in a
    rebuild.
    """
    keep = SmallKeep(tmp_path / "keep")
    keep.bars((date(2022, 6, 1), 10.0))
    told = tmp_path / "told.csv"
    told.write_text("symbol,date,kind,value\nAAPL,2024-03-04,dividend,0.5\n")
    keep.take(told)
    keep.bars((date(2024, 3, 4), 9.5))
    assert keep.open().actions("AAPL")["adjustment_factor"].to_list() == [0.95]
    same_after_rebuild(keep)


def test_bar_before_an_ex_date_that_is_corrected(tmp_path: Path) -> None:
    """
    A corrected close before an ex-date changes the factor of every earlier year, as in a rebuild.
    """
    keep = SmallKeep(tmp_path / "keep")
    keep.bars(*((day, 10.0, 0.5 if day == NEW_YEAR else 0.0) for day in DAYS))
    keep.bars((DAYS[DAYS.index(NEW_YEAR) - 1], 20.0))
    [told] = keep.open().actions("AAPL").rows(named=True)
    assert told["adjustment_factor"] == 1 - 0.5 / 20
    same_after_rebuild(keep)


def test_older_bars_make_an_action_apply(tmp_path: Path) -> None:
    """
    An action on the first bar held has no factor; bars that come before it give it one.
    """
    keep = SmallKeep(tmp_path / "keep")
    keep.bars(*((day, 10.0, 0.5 if day == NEW_YEAR else 0.0) for day in DAYS if day >= NEW_YEAR))
    assert keep.open().actions("AAPL")["adjustment_factor"].to_list() == [None]
    keep.bars(*((day, 8.0) for day in DAYS if day < NEW_YEAR))
    assert keep.open().actions("AAPL")["adjustment_factor"].to_list() == [1 - 0.5 / 8]
    same_after_rebuild(keep)


def test_withdrawn_bars_cannot_be(tmp_path: Path) -> None:
    """
    A later file that leaves sessions out takes none away: raw is append-only.
    """
    keep = SmallKeep(tmp_path / "keep")
    keep.bars(*((day, 10.0) for day in DAYS))
    keep.bars((DAYS[0], 10.0), (DAYS[-1], 10.0))
    assert keep.open().bars("AAPL").polars().height == len(DAYS)
    same_after_rebuild(keep)
