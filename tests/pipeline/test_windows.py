"""Windows: what a keep should hold of each dataset, from its policy and the securities it follows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from gold.told import directory, kept, tickers
from marketkeep.errors import NotFound
from marketkeep.model import EVERYTHING, RAW_TABLES, Policy
from marketkeep.pipeline.collecting.gaps import Window
from marketkeep.pipeline.collecting.windows import DATASETS, INDICES, Range, known_symbols, windows
from marketkeep.pipeline.publishing.absorb import absorb
from marketkeep.pipeline.securities import add_symbols
from marketkeep.pipeline.workspace import Workspace
from small_keep import SmallKeep

# Monday evening in New York: its session is final. Friday's is the one before.
NOW = datetime(2024, 6, 3, 22, tzinfo=UTC)
TODAY, TOMORROW = date(2024, 6, 3), date(2024, 6, 4)
AFTER = (date(2024, 5, 30), date(2024, 5, 31))
POLICY = Policy(start=date(2020, 1, 2), minute_days=10)


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """
    Follows five: one from 2022 on, three from the policy's start, of them two of one company, one that is delisted.
    """
    keep = SmallKeep(tmp_path / "keep", POLICY, now=NOW - timedelta(days=9))
    days = [(date(2024, 5, 29), {"GONE": "Gone Co"}), *((day, {}) for day in AFTER)]
    others = {"AAA": "A Co", "BB.A": "B Co", "BB.B": "B Co"}
    for day, lines in days:
        kept(keep.work.batches, directory(day, {**others, **lines}))
    numbers = {"AAA": (1, "A Co"), "BB.A": (2, "B Co"), "BB.B": (2, "B Co"), "GONE": (9, "Gone Co")}
    kept(keep.work.batches, tickers(date(2024, 5, 29), numbers))
    form = {"cik": 9, "accession": "9-1", "form": "25-NSE", "filed": date(2024, 5, 30), "payload": 0}
    filings = pl.DataFrame([form], schema_overrides={**RAW_TABLES["filings"].schema})
    kept(keep.work.batches, filings.with_columns(source=pl.lit("sec")), "filings")
    for symbols, priority, start in (
        (["AAA"], "low", date(2022, 3, 1)),
        (["BB.A", "GONE"], "high", None),
        (["BB.B", "BTC-USD"], None, None),
        (["OUT"], None, None),
    ):
        keep.now += timedelta(minutes=1)
        add_symbols(keep.work, symbols, start=start, priority=priority)
    keep.now += timedelta(minutes=1)
    add_symbols(keep.work, ["OUT"], followed=False)
    absorb(keep.work)
    return keep.work


def by_symbol(found: list[Window]) -> dict[str, Window]:
    """Windows by symbol, each there once."""
    assert len({one.symbol for one in found}) == len(found)
    return {one.symbol: one for one in found}


def test_bars_from_each_start_to_the_last_final_session(work: Workspace) -> None:
    """
    Each followed symbol from its own start, or the policy's, through the last session that is over; a pair by UTC.
    """
    found = by_symbol(windows(work, ["daily_bars"], NOW))
    assert set(found) == {"AAA", "BB.A", "BB.B", "BTC-USD"}
    assert (found["AAA"].start, found["AAA"].end) == (date(2022, 3, 1), TOMORROW)
    assert (found["BB.A"].start, found["BB.A"].end) == (POLICY.start, TOMORROW)
    # Its day is not over before midnight UTC.
    assert found["BTC-USD"].end == TODAY


def test_running_session_is_not_expected(work: Workspace) -> None:
    """
    While a session runs the window ends before it.
    """
    found = by_symbol(windows(work, ["daily_bars"], NOW - timedelta(hours=6)))
    assert found["BB.A"].end == date(2024, 6, 1)


def test_minutes_of_the_last_days_only(work: Workspace) -> None:
    """
    Of minutes the update wants as many days back as the policy says, a backfill what it is told.
    """
    recent = by_symbol(windows(work, ["minute_bars"], NOW))
    assert {one.start for one in recent.values()} == {date(2024, 5, 24)}
    told = by_symbol(windows(work, ["minute_bars"], NOW, within=Range(date(2023, 1, 3), date(2023, 1, 31))))
    assert {(one.start, one.end) for one in told.values()} == {(date(2023, 1, 3), date(2023, 2, 1))}


def test_range_may_reach_behind_a_start_or_not(work: Workspace) -> None:
    """
    A backfill reaches behind a symbol's own start, a repair does not; neither reaches behind the last final session.
    """
    free = by_symbol(windows(work, ["daily_bars"], NOW, within=Range(date(2021, 1, 4), date(2030, 1, 1))))
    assert (free["AAA"].start, free["AAA"].end) == (date(2021, 1, 4), TOMORROW)
    bounded = by_symbol(windows(work, ["daily_bars"], NOW, within=Range(date(2021, 1, 4), bounded=True)))
    assert (bounded["AAA"].start, bounded["BB.A"].start) == (date(2022, 3, 1), date(2021, 1, 4))


def test_delisted_symbol_ends_with_its_listing(work: Workspace) -> None:
    """
    Who is delisted is not updated; named, he is wanted up to his last day.
    """
    gone = work.lake.securities().row(by_predicate=_is("GONE"), named=True)
    assert gone["delisting_date"] is not None
    [window] = windows(work, ["daily_bars"], NOW, symbols=["GONE"])
    assert (window.start, window.end) == (POLICY.start, gone["delisting_date"])


def test_named_symbols_need_not_be_followed(work: Workspace) -> None:
    """
    A symbol that is known is wanted when it is named, one that is not known is said to be so.
    """
    assert [one.symbol for one in windows(work, ["daily_bars"], NOW, symbols=["OUT"])] == ["OUT"]
    with pytest.raises(NotFound, match="marketkeep add-symbol ZZZ"):
        windows(work, ["daily_bars"], NOW, symbols=["AAA", "ZZZ"])
    with pytest.raises(NotFound):
        known_symbols(work, ["ZZZ"])
    known_symbols(work, ["AAA", "OUT"])


@pytest.fixture
def renamed(tmp_path: Path) -> SmallKeep:
    """Follows ACME, which became ZETA; REUS was one company's and is another's."""
    keep = SmallKeep(tmp_path / "renamed", POLICY, now=NOW - timedelta(days=9))
    named = "Acme Holdings, Inc. - Common Stock"
    days = (
        (date(2024, 5, 29), {"ACME": named, "REUS": "Alpha Inc"}),
        *((day, {"ZETA": named}) for day in AFTER),
        (date(2024, 6, 3), {"ZETA": named, "REUS": "Beta Corp"}),
    )
    for day, lines in days:
        kept(keep.work.batches, directory(day, lines))
    add_symbols(keep.work, ["ACME", "REUS"])
    absorb(keep.work)
    keep.now = NOW
    return keep


def test_trap_11_renamed_symbol_is_wanted_under_its_present_ticker(renamed: SmallKeep) -> None:
    """
    The old ticker has no window of its own; named, it means the security that had it.
    """
    assert [one.symbol for one in windows(renamed.work, ["daily_bars"], NOW)] == ["ZETA"]
    assert [one.symbol for one in windows(renamed.work, ["daily_bars"], NOW, symbols=["ACME", "ZETA"])] == ["ZETA"]
    assert known_symbols(renamed.work, ["ACME"]) == ["ZETA"]


def test_trap_30_former_holder_of_a_ticker_is_wanted_only_when_named(renamed: SmallKeep) -> None:
    """
    Under its ticker most vendors would tell of who has it now, so it is wanted by name alone, up to its last day.
    """
    everything = [one.symbol for one in windows(renamed.work, ["daily_bars", "actions"], NOW)]
    assert set(everything) == {"ZETA"}
    named = windows(renamed.work, ["daily_bars", "actions"], NOW, symbols=["REUS~2024"])
    assert {(one.symbol, one.end) for one in named} == {("REUS~2024", date(2024, 5, 30))}
    assert [one.symbol for one in windows(renamed.work, ["daily_bars"], NOW, symbols=["REUS"])] == ["REUS"]


def test_priority_is_the_rank(work: Workspace) -> None:
    """
    High ranks before what nobody ranked, low behind it; a pair nobody ranked is low.
    """
    found = by_symbol(windows(work, ["daily_bars"], NOW))
    assert {symbol: one.rank for symbol, one in found.items()} == {"AAA": 2, "BB.A": 0, "BB.B": 1, "BTC-USD": 2}


def test_companies_are_wanted_once(work: Workspace) -> None:
    """
    Facts and filings are a company's: once for all its shares, with the rank of the first; who has no number has none.
    """
    for dataset in ("facts", "filings"):
        found = by_symbol(windows(work, [dataset], NOW))
        assert {symbol: one.rank for symbol, one in found.items()} == {"CIK0000000001": 2, "CIK0000000002": 0}
        assert {(one.start, one.end) for one in found.values()} == {(TODAY, TOMORROW)}


def test_states_are_wanted_as_of_today(work: Workspace) -> None:
    """
    A directory is one window, members one by index; both are of the day in New York.
    """
    evening = datetime(2024, 6, 4, 2, tzinfo=UTC)
    [listings] = windows(work, ["listings"], evening)
    assert (listings.symbol, listings.start, listings.end) == (EVERYTHING, TODAY, TOMORROW)
    members = windows(work, ["index_members"], evening)
    assert [one.symbol for one in members] == list(INDICES)


def test_yields_are_one_window_over_all_sessions(work: Workspace) -> None:
    """
    The yield curve is wanted from the policy's start, or as told.
    """
    [yields] = windows(work, ["treasury_yields"], NOW)
    assert (yields.symbol, yields.start, yields.end) == (EVERYTHING, POLICY.start, TOMORROW)
    [told] = windows(work, ["treasury_yields"], NOW, within=Range(date(2023, 1, 3), date(2023, 1, 31)))
    assert (told.start, told.end) == (date(2023, 1, 3), date(2023, 2, 1))


def test_repair_counts_no_answer_but_that_actions_came_with_bars(work: Workspace) -> None:
    """
    A repair asks again whatever was answered; beside bars the actions are not asked for on their own.
    """
    both = windows(work, ["daily_bars", "actions"], NOW, settled=False)
    assert {(one.dataset, one.settled) for one in both} == {("daily_bars", False), ("actions", True)}
    alone = windows(work, ["actions", "facts"], NOW, settled=False)
    assert {one.settled for one in alone} == {False}


def test_every_dataset_has_windows(work: Workspace) -> None:
    """
    Whatever is collected has windows, in the order asked for; nothing wanted, none.
    """
    found = windows(work, DATASETS, NOW)
    assert list(dict.fromkeys(one.dataset for one in found)) == list(DATASETS)
    assert windows(work, [], NOW) == []


def test_empty_keep_wants_what_tells_the_universe(tmp_path: Path) -> None:
    """
    Who follows nobody yet still wants directories, members and yields.
    """
    keep = SmallKeep(tmp_path / "keep", replace(POLICY), now=NOW)
    assert {one.dataset for one in windows(keep.work, DATASETS, NOW)} == {
        "listings",
        "index_members",
        "treasury_yields",
    }


def _is(symbol: str) -> pl.Expr:
    return pl.col("symbol") == symbol
