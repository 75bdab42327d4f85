"""The universe: whom a keep follows because of what they are, as directories and lists of members tell."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from gold.told import directory, kept
from marketkeep.errors import BadInput
from marketkeep.model import Policy
from marketkeep.pipeline.collecting.universe import ALL_US, PRIORITIES, follow_new, follow_universe
from marketkeep.pipeline.collecting.windows import INDICES, windows
from marketkeep.pipeline.publishing.absorb import absorb
from marketkeep.pipeline.rebuild import rebuild
from marketkeep.pipeline.run import run
from marketkeep.pipeline.securities import add_symbols
from member_rows import listed, rows, told
from small_keep import SmallKeep

FIRST, SECOND = date(2024, 6, 3), date(2024, 6, 4)


@pytest.fixture
def keep(tmp_path: Path) -> SmallKeep:
    """A keep that follows nobody; its clock says the evening of the first day."""
    return SmallKeep(tmp_path / "keep", Policy(start=date(2024, 5, 1)), now=datetime(2024, 6, 3, 22, tzinfo=UTC))


def tell_members(keep: SmallKeep, day: date, **indices: list[str]) -> None:
    """A source tells the members of indices as of a day."""
    for index, symbols in indices.items():
        list_ = [{**row, "index": index} for row in listed(str(day), *symbols)]
        kept(keep.work.batches, rows(list_).drop("fetched_at", "digest", "batch_id"), "index_members")
    absorb(keep.work)


def tell_listings(keep: SmallKeep, day: date, *symbols: str, etfs: tuple[str, ...] = ()) -> None:
    """A directory of a day."""
    kept(keep.work.batches, directory(day, {one: f"{one} Co. - Common Stock" for one in symbols}, etfs=etfs))
    absorb(keep.work)


def join(keep: SmallKeep) -> int:
    """How many join now."""
    keep.now += timedelta(minutes=5)
    with run(keep.work, "update", {}) as one:
        return follow_new(one)


def followed(keep: SmallKeep) -> dict[str, str]:
    """Who is followed, with priority."""
    securities = keep.work.lake.securities()
    return {row["symbol"]: row["priority"] for row in securities.to_dicts() if row["followed"]}


def test_unknown_universe_is_named(keep: SmallKeep) -> None:
    """
    A universe that there is not is refused with those that there are, and nothing is followed.
    """
    with pytest.raises(BadInput, match=r"no universe ftse; there are sp500.*all_us"):
        follow_universe(keep.work, ["sp500", "ftse"])
    assert keep.work.lake.policy().follow == {}


def test_followed_universes_stand_in_the_policy(keep: SmallKeep) -> None:
    """
    What is followed is kept, each once and in order, beside what was followed before.
    """
    follow_universe(keep.work, ["sp500"])
    follow_universe(keep.work, [ALL_US, "sp500", *INDICES])
    assert keep.work.lake.policy().follow == dict.fromkeys(("sp500", ALL_US, "nasdaq100", "dow_jones", "russell_1000"))


def test_nothing_followed_nobody_joins(keep: SmallKeep) -> None:
    """
    Members and listings alone make nobody followed.
    """
    tell_members(keep, FIRST, sp500=["AAPL"])
    tell_listings(keep, FIRST, "AAPL", "MSFT")
    assert join(keep) == 0
    assert followed(keep) == {}


def test_members_join_with_their_indexs_priority(keep: SmallKeep) -> None:
    """
    Members of the indices followed join, of others not; of several priorities the soonest holds.
    """
    follow_universe(keep.work, ["sp500", "russell_1000"])
    tell_members(keep, FIRST, sp500=["AAPL", "MSFT"], russell_1000=["AAPL", "MID"], nasdaq100=["ONLY"])
    assert join(keep) == 3
    assert followed(keep) == {"AAPL": "high", "MSFT": "high", "MID": "medium"}


def test_priority_of_an_index_that_is_not_followed_counts(keep: SmallKeep) -> None:
    """
    Who joins with a low universe and is in a high index is asked for with that.
    """
    follow_universe(keep.work, ["russell_1000"])
    tell_members(keep, FIRST, russell_1000=["AAPL", "MID"], dow_jones=["AAPL"])
    join(keep)
    assert followed(keep) == {"AAPL": PRIORITIES["dow_jones"], "MID": "medium"}


def test_all_that_is_listed_joins(keep: SmallKeep) -> None:
    """
    The universe of all that is listed takes shares low and ETFs medium, members by their index, and no test issue.
    """
    follow_universe(keep.work, [ALL_US])
    tell_listings(keep, FIRST, "AAPL", "SMALL", "FUND", etfs=("FUND",))
    tell_members(keep, FIRST, sp500=["AAPL"])
    assert join(keep) == 3
    assert followed(keep) == {"AAPL": "high", "SMALL": "low", "FUND": "medium"}


def test_new_members_join_later(keep: SmallKeep) -> None:
    """
    Who becomes a member joins at the next update; who is followed already is not stated again.
    """
    follow_universe(keep.work, ["sp500"])
    tell_members(keep, FIRST, sp500=["AAPL", "MSFT"])
    assert join(keep) == 2
    assert join(keep) == 0
    keep.now += timedelta(days=1)
    tell_members(keep, SECOND, sp500=["AAPL", "NEW"])
    assert join(keep) == 1
    assert followed(keep)["NEW"] == "high"


def test_who_leaves_an_index_is_followed_on(keep: SmallKeep) -> None:
    """
    A member that was removed stays followed: the index's history is his too.
    """
    follow_universe(keep.work, ["sp500"])
    tell_members(keep, FIRST, sp500=["AAPL", "GONE"])
    join(keep)
    kept(
        keep.work.batches,
        rows(told("removed", "GONE", str(SECOND))).drop("fetched_at", "digest", "batch_id"),
        "index_members",
    )
    tell_members(keep, SECOND, sp500=["AAPL"])
    join(keep)
    assert set(followed(keep)) == {"AAPL", "GONE"}


def test_former_member_does_not_join(keep: SmallKeep) -> None:
    """
    Who was a member once, before the universe was followed, does not join.
    """
    tell_members(keep, FIRST, sp500=["AAPL", "GONE"])
    tell_members(keep, SECOND, sp500=["AAPL"])
    follow_universe(keep.work, ["sp500"])
    join(keep)
    assert set(followed(keep)) == {"AAPL"}


def test_priority_that_a_user_gave_stays(keep: SmallKeep) -> None:
    """
    Who was added by hand keeps his priority when he is found in an index.
    """
    add_symbols(keep.work, ["AAPL"], priority="low")
    follow_universe(keep.work, ["sp500"])
    tell_members(keep, FIRST, sp500=["AAPL"])
    assert join(keep) == 0
    assert followed(keep) == {"AAPL": "low"}


def test_who_joined_is_collected_from_the_policys_start(keep: SmallKeep) -> None:
    """
    A new member's bars are wanted from the policy's start on, as if he had been added by hand.
    """
    follow_universe(keep.work, ["sp500"])
    tell_members(keep, FIRST, sp500=["AAPL"])
    join(keep)
    [window] = windows(keep.work, ["daily_bars"], keep.now)
    assert (window.symbol, window.start, window.rank) == ("AAPL", date(2024, 5, 1), 0)


def test_rebuild_follows_the_same(keep: SmallKeep) -> None:
    """
    Who is followed stands in raw: a rebuild follows the same, with the same priorities.
    """
    follow_universe(keep.work, ["sp500", ALL_US])
    tell_members(keep, FIRST, sp500=["AAPL"])
    tell_listings(keep, FIRST, "AAPL", "SMALL")
    join(keep)
    before = followed(keep)
    rebuild(keep.work)
    assert followed(keep) == before == {"AAPL": "high", "SMALL": "low"}


def test_universe_may_have_a_start_of_its_own(keep: SmallKeep) -> None:
    """
    Symbols are collected from their universe's start on; of several universes the earliest holds, and one without a
    start has the policy's.
    """
    follow_universe(keep.work, ["sp500"], date(2020, 1, 2))
    follow_universe(keep.work, ["nasdaq100"], date(2015, 1, 2))
    follow_universe(keep.work, ["dow_jones"])
    tell_members(keep, FIRST, sp500=["AAPL", "MSFT", "IBM"], nasdaq100=["AAPL"], dow_jones=["IBM"])
    join(keep)
    starts = dict(keep.work.lake.securities().filter(pl.col("followed")).select("symbol", "start").iter_rows())
    assert starts == {"AAPL": date(2015, 1, 2), "MSFT": date(2020, 1, 2), "IBM": None}
    assert keep.work.lake.policy() == Policy.from_json(keep.work.lake.policy().to_json())
