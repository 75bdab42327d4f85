"""Planning: the cheapest source gets each piece, within its reach, rate and quota, what ranks first in front."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta

import pytest
from bidding import (
    BARS,
    END,
    FIRST,
    NOW,
    POLICY,
    SESSIONS,
    Bidder,
    asked,
    catalog,
    numbered,
    tasks,
    windows,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from marketkeep.calendars import XNYS
from marketkeep.model import EVERYTHING, Offer, Rate
from marketkeep.pipeline.collecting.gaps import Window
from marketkeep.pipeline.collecting.planning import Planner
from marketkeep.sources import Yahoo
from marketkeep.sources.polygon import Polygon

FAST, SLOW = Rate(10), Rate(1)
FREE = Rate(5, 60.0)
CARRYING = {"daily_bars": Offer(carries=frozenset({"actions"})), "actions": Offer(carries=frozenset({"daily_bars"}))}
BOTH = {"daily_bars": Offer(), "actions": Offer()}
STATE = {"listings": Offer(snapshot=True, fresh_days=7)}


# --- the cheapest ----------------------------------------------------------------------------------------------------


def test_who_answers_sooner_is_asked() -> None:
    """
    Of two that have the same, the one whose rate lets it through sooner gets all, whatever order they stand in.
    """
    slow, fast = Bidder("slow", rate=SLOW), Bidder("fast", rate=FAST)
    for sources in ((slow, fast), (fast, slow)):
        assert asked(tasks(sources, windows("A", "B"))) == {"fast": ["A", "B"]}


def test_rate_that_is_set_counts() -> None:
    """
    The pace of the settings holds instead of what a source declares.
    """
    one, other = Bidder("one", rate=FAST), Bidder("other", rate=SLOW)
    assert set(tasks((one, other), windows("A"), rates={"other": Rate(1000)})) == {"other"}


def test_equally_cheap_the_policy_decides() -> None:
    """
    At the same price the source that the policy puts first is asked, and by name where it names neither.
    """
    for names, best in ((("second", "first"), "first"), (("b", "a"), "a"), (("a", "second"), "second")):
        assert set(tasks([Bidder(name) for name in names], windows("A"))) == {best}


@pytest.mark.parametrize(("symbols", "best", "calls"), [(3, "each", 3), (600, "grouped", 2)])
def test_market_in_a_call_or_a_call_a_symbol(symbols: int, best: str, calls: int) -> None:
    """
    For many symbols a slow source with the whole market in a call beats a fast one with a call a symbol; for few not.
    """
    sources = Bidder("grouped", "grouped", FREE), Bidder("each", rate=Rate(5))
    wanted = windows(*numbered(symbols), start=SESSIONS[-2])
    made = tasks(sources, wanted)
    assert [(name, len(all_)) for name, all_ in made.items()] == [(best, calls)]


@pytest.mark.parametrize(("symbols", "sessions", "calls"), [(1, 40, 1), (39, 40, 39), (40, 40, 40), (500, 2, 2)])
def test_polygons_own_plan_is_the_shorter(symbols: int, sessions: int, calls: int) -> None:
    """
    Polygon is asked by symbol or by session, whichever takes fewer calls: tens, not thousands, for a day of a market.
    """
    made = tasks((Polygon(),), windows(*numbered(symbols), start=SESSIONS[-sessions - 1], end=SESSIONS[-1]))
    assert len(made["polygon"]) == calls


def test_bulk_file_beats_a_call_a_company() -> None:
    """
    A file with all companies is one call; for one company alone the source with a quick call is asked.
    """
    offers = {"facts": Offer()}
    bulk, each = Bidder("bulk", "bulk", Rate(1, 5.0), offers), Bidder("each", rate=Rate(1), offers=offers)
    companies = [f"CIK{number:010d}" for number in range(100)]
    many = tasks((each, bulk), windows(*companies, dataset="facts"))
    assert [(name, len(all_)) for name, all_ in many.items()] == [("bulk", 1)]
    assert set(tasks((each, bulk), windows(companies[0], dataset="facts"))) == {"each"}


def test_pages_count_as_calls() -> None:
    """
    What comes in pages costs a call a page: few requests of many pages are not cheap.
    """
    paged = Bidder("paged", "bulk", SLOW, {"daily_bars": Offer(page_rows=10)})
    whole = Bidder("whole", rate=SLOW)
    assert set(tasks((paged, whole), windows(*numbered(4)))) == {"whole"}
    larger = replace(paged, offers={"daily_bars": Offer(page_rows=1000)})
    assert set(tasks((larger, whole), windows(*numbered(4)))) == {"paged"}


def test_quota_makes_a_source_dear() -> None:
    """
    A call of which there are 25 a day costs an hour: whoever has no such limit is asked before.
    """
    scarce, free = Bidder("scarce", rate=FAST), Bidder("free", rate=FREE)
    made = tasks((scarce, free), windows("A"), quotas={"scarce": 25}, left={"scarce": 25})
    assert set(made) == {"free"}


# --- reach and kind --------------------------------------------------------------------------------------------------


def test_reach_cuts_what_is_asked() -> None:
    """
    A source is asked no further back than it reaches; the rest is for another, in the next round.
    """
    near, far = Bidder("near", rate=FAST, offers={"daily_bars": Offer(days=30)}), Bidder("far", rate=SLOW)
    made = tasks((near, far), windows("A"))
    [request] = made.pop("near")
    since = date(2024, 2, 6)
    assert (request.start, made) == (since, {})
    later = [day for day in SESSIONS if day >= since]
    [request] = tasks((near, far), windows("A"), catalog({"A": later}))["far"]
    assert (request.start, request.end) == (FIRST, date(2024, 2, 6))


def test_beyond_all_reach_nothing_is_asked() -> None:
    """
    What no source reaches is asked of none.
    """
    near = Bidder("near", offers={"daily_bars": Offer(first=date(2025, 1, 1))})
    assert tasks((near,), windows("A")) == {}


def test_asset_class_decides() -> None:
    """
    A pair is asked of who has pairs, a share of who has shares, though another would be cheaper.
    """
    shares = Bidder("shares", rate=FAST)
    pairs = Bidder("pairs", rate=SLOW, offers={"daily_bars": Offer(frozenset({"crypto"}))})
    assert asked(tasks((shares, pairs), windows("A", "BTC-USD"))) == {"shares": ["A"], "pairs": ["BTC-USD"]}


# --- quotas and priorities -------------------------------------------------------------------------------------------


def ranked() -> list[Window]:
    """Fifty symbols, every fifth of them of the first rank and every other of the last."""
    return [replace(one, rank=0 if number % 5 == 0 else 2) for number, one in enumerate(windows(*numbered(50)))]


def test_few_calls_are_for_what_ranks_first() -> None:
    """
    With ten calls left the ten symbols that rank first are asked for, and no other.
    """
    made = asked(tasks((Bidder("one"),), ranked(), quotas={"one": 25}, left={"one": 10}))
    assert made == {"one": [f"S{number:03}" for number in range(0, 50, 5)]}


def test_what_a_quota_leaves_goes_to_another() -> None:
    """
    What the cheapest has no calls left for is asked of the next one in the same round; none is asked twice.
    """
    sources = Bidder("cheap", rate=Rate(1000)), Bidder("dear", rate=Rate(1, 7200.0))
    made = asked(tasks(sources, ranked(), quotas={"cheap": 100}, left={"cheap": 10}))
    assert len(made["cheap"]) == 10
    assert made["cheap"][0] == "S000"
    assert sorted(made["cheap"] + made["dear"]) == numbered(50)


def test_no_call_left_no_bid() -> None:
    """
    A source whose calls are used up is passed over.
    """
    sources = Bidder("cheap", rate=FAST), Bidder("dear", rate=SLOW)
    made = tasks(sources, windows("A"), quotas={"cheap": 10}, left={"cheap": 0})
    assert set(made) == {"dear"}
    assert tasks(sources[:1], windows("A"), quotas={"cheap": 10}, left={"cheap": 0}) == {}


def test_datasets_share_a_quota() -> None:
    """
    The calls left are those for all that a source is asked, bars first.
    """
    one = Bidder("one", offers={"daily_bars": Offer(), "minute_bars": Offer()})
    wanted = windows("A", "B", start=SESSIONS[-1]) + windows("A", "B", start=SESSIONS[-1], dataset="minute_bars")
    made = tasks((one,), wanted, quotas={"one": 9}, left={"one": 3})["one"]
    assert [(request.dataset, request.symbol) for request in made] == [
        ("daily_bars", "A"),
        ("daily_bars", "B"),
        ("minute_bars", "A"),
    ]


# --- who is not asked ------------------------------------------------------------------------------------------------


def test_source_at_rest_is_not_asked() -> None:
    """
    While one rests another is asked; with all at rest, none.
    """
    sources = Bidder("cheap", rate=FAST), Bidder("dear", rate=SLOW)
    assert set(tasks(sources, windows("A"), resting={"cheap"})) == {"dear"}
    assert tasks(sources, windows("A"), resting={"cheap", "dear"}) == {}


def test_what_was_given_up_is_for_another() -> None:
    """
    A symbol that a run gave up on at one source is asked of another, its other symbols still of the first.
    """
    sources = Bidder("cheap", rate=FAST), Bidder("dear", rate=SLOW)
    made = asked(tasks(sources, windows("A", "B"), given_up={("cheap", "daily_bars", "A")}))
    assert made == {"cheap": ["B"], "dear": ["A"]}


def test_given_up_on_bars_is_given_up_on_what_they_carry() -> None:
    """
    Where bars bring the actions along, who gave up on a symbol's bars does not ask the same for its actions.
    """
    one = Bidder("one", offers=CARRYING)
    wanted = windows("A", dataset="actions")
    assert tasks((one,), wanted, given_up={("one", "daily_bars", "A")}) == {}
    assert asked(tasks((one,), wanted, given_up={("one", "daily_bars", "B")})) == {"one": ["A"]}


@pytest.mark.parametrize(
    ("refused", "ago", "holds"),
    [
        ("plan_limit", timedelta(days=29, hours=23), True),
        ("plan_limit", timedelta(days=30), False),
        ("not_found", timedelta(hours=19, minutes=59), True),
        ("not_found", timedelta(hours=20), False),
    ],
)
@pytest.mark.parametrize("dataset", ["daily_bars", "actions", "facts"])
def test_refusals_are_remembered_for_a_while(refused: str, ago: timedelta, holds: bool, dataset: str) -> None:
    """
    What a plan does not reach is not asked for a month, an unknown symbol not for twenty hours; of others it is.
    """
    offers = {dataset: Offer()}
    one, other = Bidder("one", rate=FAST, offers=offers), Bidder("other", rate=SLOW, offers=offers)
    known = catalog(told=[(dataset, "one", "A", refused, FIRST, END, NOW - ago)])
    wanted = windows("A", "B", dataset=dataset)
    expected = {"one": ["B"], "other": ["A"]} if holds else {"one": ["A", "B"]}
    assert asked(tasks((one, other), wanted, known)) == expected


def test_plan_limit_is_of_its_span_only() -> None:
    """
    A plan that does not reach back so far is still asked for what lies after.
    """
    known = catalog(told=[("daily_bars", "one", "A", "plan_limit", FIRST, date(2024, 2, 1), NOW)])
    [request] = tasks((Bidder("one"),), windows("A"), known)["one"]
    assert (request.start, request.end) == (date(2024, 2, 1), END)


# --- actions ---------------------------------------------------------------------------------------------------------


def test_actions_wait_for_the_bars() -> None:
    """
    While bars are still asked for actions are not: these may come along with them. Then they are.
    """
    one = Bidder("one", offers=BOTH)
    wanted = windows("A") + windows("A", dataset="actions")
    assert [request.dataset for request in tasks((one,), wanted)["one"]] == ["daily_bars"]
    made = tasks((one,), wanted, catalog({"A": SESSIONS}))
    assert [request.dataset for request in made["one"]] == ["actions"]


def test_bars_settle_the_actions_they_carry() -> None:
    """
    An answer for bars settles the actions where its source tells them along, and only there.
    """
    carrying, other = Bidder("carrying", offers=CARRYING), Bidder("other", offers=BOTH)
    wanted = windows("A", dataset="actions")
    held = {"A": SESSIONS}
    by_carrying = catalog(held, [("daily_bars", "carrying", "A", None, FIRST, END, NOW)])
    assert tasks((carrying, other), wanted, by_carrying) == {}
    by_other = catalog(held, [("daily_bars", "other", "A", None, FIRST, END, NOW)])
    assert tasks((carrying, other), wanted, by_other) != {}


def test_actions_told_once_stand() -> None:
    """
    An ex-date answered for is not asked again at another source, nor later.
    """
    sources = Bidder("one", offers=BOTH), Bidder("other", offers=BOTH)
    known = catalog(told=[("actions", "one", "A", None, FIRST, date(2024, 2, 1), NOW - timedelta(days=400))])
    made = tasks(sources, windows("A", dataset="actions"), known)
    [request] = [request for all_ in made.values() for request in all_]
    assert (request.start, request.end) == (date(2024, 2, 1), END)


# --- states ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("days", "due"), [(0, False), (6, False), (7, True), (30, True)])
def test_state_is_due_when_no_longer_fresh(days: int, due: bool) -> None:
    """
    A directory is asked for again as many days after its last answer as that stays good.
    """
    today = date(2024, 3, 7)
    one = Bidder("one", "bulk", offers=STATE)
    answered = ("listings", "one", EVERYTHING, None, today, today + timedelta(1), NOW - timedelta(days=days))
    wanted = windows(EVERYTHING, start=today, dataset="listings")
    assert bool(tasks((one,), wanted, catalog(told=[answered]))) is due
    assert tasks((one,), [replace(wanted[0], settled=False)], catalog(told=[answered]))


def test_every_source_of_a_state_is_asked() -> None:
    """
    Directories are compared, so each source is asked for its own, whatever the others answered.
    """
    sources = [Bidder(name, "bulk", offers=STATE) for name in ("one", "other")]
    wanted = windows(EVERYTHING, start=date(2024, 3, 7), dataset="listings")
    assert set(tasks(sources, wanted)) == {"one", "other"}
    told = ("listings", "one", EVERYTHING, None, date(2024, 3, 7), date(2024, 3, 8), NOW)
    assert set(tasks(sources, wanted, catalog(told=[told]))) == {"other"}


# --- requests --------------------------------------------------------------------------------------------------------


def test_equal_requests_are_one() -> None:
    """
    Two groups of symbols that ask for the same file ask once, for the symbols of both.
    """
    held = {"B": SESSIONS[:10]}
    [request] = tasks((Bidder("bulk", "bulk"),), windows("A", "B", "C"), catalog(held))["bulk"]
    assert sorted(request.symbols) == ["A", "B", "C"]


def test_symbols_of_one_span_are_asked_together() -> None:
    """
    A source plans for all symbols that lack the same sessions at once, in the order of their rank.
    """
    one = Bidder("one")
    tasks((one,), list(reversed(ranked())))
    [query] = one.queries
    assert len(query.symbols) == 50
    assert {int(symbol[1:]) % 5 for symbol in query.symbols[:10]} == {0}


@pytest.mark.parametrize(("symbols", "days"), [(1, 60), (50, 60), (500, 1), (3, 3000), (2, 1700), (400, 5)])
def test_minutes_are_asked_in_pieces_that_fit(symbols: int, days: int) -> None:
    """
    Minute bars are asked for in pieces whose rows fit in memory; together they are the whole window, each part once.
    """
    one = Bidder("one", offers={"minute_bars": Offer()})
    start = END - timedelta(days=days)
    tasks((one,), windows(*numbered(symbols), start=start, dataset="minute_bars"))
    parts = [
        (symbol, query.start + timedelta(days=n))
        for query in one.queries
        for symbol in query.symbols
        for n in range((query.end - query.start).days)
    ]
    assert len(parts) == len(set(parts))
    sessions = XNYS.sessions(start, END)
    assert {(symbol, day) for symbol in numbered(symbols) for day in sessions} <= set(parts)
    assert all(len(query.symbols) * (query.end - query.start).days <= 1_700 for query in one.queries)


def test_lacking_counts_whatever_was_answered() -> None:
    """
    What is missing is told of bars alone, and counts sessions that a source answered without.
    """
    known = catalog({"A": SESSIONS[:40]}, [("daily_bars", "one", "A", None, FIRST, END, NOW)])
    wanted = windows("A", "B") + windows("A", dataset="actions")
    planner = Planner(POLICY, NOW, (Bidder("one"),))
    assert planner.lacking(known, wanted) == len(SESSIONS) - 40 + len(SESSIONS)


# --- the same again --------------------------------------------------------------------------------------------------


def test_plan_is_the_same_each_time() -> None:
    """
    The same catalog gives the same plan, in whatever order the sources stand; requests of a rank keep their order.
    """
    sources = [Bidder("one", rate=FAST), Bidder("other", "grouped", FREE), Polygon(), Yahoo()]
    known = catalog({"S001": SESSIONS[:30], "S007": SESSIONS[5:], "S009": SESSIONS})
    first = tasks(sources, ranked(), known)
    for seed in range(5):
        assert tasks(random.Random(seed).sample(sources, 4), ranked(), known) == first


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from(numbered(8)), st.sets(st.sampled_from(SESSIONS), min_size=1), max_size=8),
    st.lists(st.sampled_from(["each", "grouped", "bulk"]), min_size=1, max_size=3),
    st.lists(st.sampled_from([None, 20, 45]), min_size=3, max_size=3),
)
def test_each_missing_piece_is_asked_of_one(
    held: dict[str, set[date]], forms: list[str], days: list[int | None]
) -> None:
    """
    In a round each symbol that lacks something within anyone's reach is asked of exactly one source, others of none.
    """
    sources = [
        Bidder(f"{number}", form, Rate(number + 1), {"daily_bars": Offer(days=days[number])})
        for number, form in enumerate(forms)
    ]
    known = catalog({symbol: sorted(all_) for symbol, all_ in held.items()})
    made = {name: set(symbols) for name, symbols in asked(tasks(sources, windows(*numbered(8)), known)).items()}
    furthest = min(one.offers["daily_bars"].reach(date(2024, 3, 7)) for one in sources)
    lacking = {
        symbol
        for symbol in numbered(8)
        if any(day >= furthest and day not in held.get(symbol, set()) for day in SESSIONS)
    }
    assert sum(map(len, made.values())) == len(set().union(*made.values()))
    assert set().union(*made.values()) == lacking


def test_bars_offer_is_all_it_takes() -> None:
    """
    A source is asked for what it offers alone.
    """
    assert tasks((Bidder("one", offers=BARS),), windows("A", dataset="facts")) == {}


# --- a word of one's own ---------------------------------------------------------------------------------------------


def test_every_source_is_asked_for_its_own_word_in_turn() -> None:
    """
    Where every source is asked for its own word, bars held and answers of others settle nothing: in each round the next
    one is asked, until all have said.
    """
    sources = [Bidder(name, offers=BOTH) for name in ("first", "second")]
    for dataset in ("daily_bars", "actions"):
        window = Window("A", SESSIONS[3], SESSIONS[5], settled=False, dataset=dataset, held=False)
        held = {"A": SESSIONS}
        assert asked(tasks(sources, [window], catalog(held))) == {"first": ["A"]}
        said = (dataset, "first", "A", None, FIRST, END, NOW + timedelta(seconds=1))
        assert asked(tasks(sources, [window], catalog(held, [said]))) == {"second": ["A"]}
        also = (dataset, "second", "A", None, FIRST, END, NOW + timedelta(seconds=2))
        assert asked(tasks(sources, [window], catalog(held, [said, also]))) == {}


def test_who_can_tell_is_named_best_first() -> None:
    """
    The sources that would be asked for a window are named in the policy's order; one without it, at rest or without
    calls left is none of them.
    """
    sources = [Bidder(name) for name in ("other", "second", "first")]
    sources.append(Bidder("facts", offers={"facts": Offer()}))
    planner = Planner(POLICY, NOW, sources)
    [window] = windows("A")
    assert planner.able(catalog(), window) == ["first", "second", "other"]
    planner.resting.add("first")
    planner.left = {"second": 0}
    assert planner.able(catalog(), window) == ["other"]
    assert planner.able(catalog({"A": SESSIONS}), window) == []
