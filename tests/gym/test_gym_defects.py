"""The gym's defects: each spoils what it says and nothing else, and lies where it disturbs no other."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import orjson
import polars as pl
import pytest

from gym import Truth
from gym.companies import Companies
from gym.defects import FIELDS, Defect, Doctored, Enriched, Kind
from gym.defects_actions import CASH, SPLITS, SPUN
from gym.defects_bars import KINDS as BARS
from gym.defects_facts import KINDS as FACTS
from gym.defects_facts import plan_facts, spoilt
from gym.defects_minutes import KINDS as MINUTES
from gym.defects_plan import (
    APART,
    JUMP,
    ONE_SOURCE,
    SATURDAY,
    Slots,
    plan_bars,
    plan_everywhere,
    plan_jury,
    plan_minutes,
    plan_spun,
)
from gym.minutes import minutes
from gym.reports import facts
from gym.truth import Action
from gym.wire import Ask
from gym.yahoo import CHART, Yahoo

TRUTH = Truth(symbols=40, years=4)
HOW = {kind.name: spoil for kind, spoil in (BARS | SPLITS | CASH | MINUTES).items()}
PLAIN, AT = "QAAR", 300
NAMED = {kind.name: kind for kind in (*BARS, *SPLITS, *CASH, *MINUTES)}
NOW = float(TRUTH.sessions.closes[-1]) + 3600


def doctored(kind: Kind | str, symbol: str = PLAIN, at: int = AT, turn: int = 0) -> Doctored:
    """A view with one defect in it."""
    kind = NAMED[kind] if isinstance(kind, str) else kind
    day = TRUTH.history(symbol).sessions.dates[at].item()
    return Doctored(TRUTH, "yahoo", [Defect(kind, "yahoo", symbol, day, turn)], HOW)


def split_of(symbol: str) -> tuple[Action, int]:
    """A symbol's first split and its position."""
    history = TRUTH.history(symbol)
    split = next(one for one in history.actions if one.ratio is not None)
    return split, int(np.searchsorted(history.sessions.dates, np.datetime64(split.ex_date, "D")))


def chart(truth: Truth, symbol: str) -> dict[str, object]:
    """What Yahoo's gym answers for all of a symbol's days."""
    params = {"period1": "0", "period2": str(int(NOW)), "interval": "1d", "events": "div,splits,capitalGains"}
    reply = Yahoo(truth).answer(Ask("query2.finance.yahoo.com", CHART + symbol, params, NOW))
    assert reply is not None
    answer: dict[str, object] = orjson.loads(reply.body)["chart"]["result"][0]
    return answer


@pytest.mark.parametrize("turn", [0, 1])
@pytest.mark.parametrize("kind", BARS, ids=lambda kind: kind.name)
def test_a_kind_spoils_its_sessions_and_no_other(kind: Kind, turn: int) -> None:
    """
    Rows before a defect and behind its last session are as they were; what lasts by its nature lasts to the end.
    """
    true, seen = TRUTH.history(PLAIN), doctored(kind, turn=turn).history(PLAIN)
    day = true.sessions.dates[AT]
    last = true.sessions.dates[AT + kind.sessions - 1]
    frames = [
        pl.DataFrame({"date": one.sessions.dates, **{name: getattr(one, name).astype(float) for name in FIELDS}})
        for one in (true, seen)
    ]
    for side in (pl.col("date") < day, pl.col("date") > last):
        before, after = (frame.filter(side) for frame in frames)
        if kind is JUMP or kind.code == "not_fresh":
            before, after = (frame.filter(pl.col("date") < day) for frame in (before, after))
        if kind is SATURDAY:
            after = after.filter(pl.col("date").dt.weekday() < 6)
        assert before.equals(after)
    whole = [frame.with_columns(pl.all().exclude("date").fill_nan(None)) for frame in frames]
    told = seen.steps if kind.code == "adj_close_differs" else None
    assert told or not whole[0].equals(whole[1])


def test_other_symbols_and_vendors_see_the_truth() -> None:
    """
    A defect is one vendor's and one symbol's.
    """
    view = doctored("price times 100")
    assert view.history("QAAS") is TRUTH.history("QAAS")
    other = Doctored(TRUTH, "polygon", [Defect(NAMED["price times 100"], "yahoo", PLAIN, date(2022, 1, 3))], HOW)
    assert other.history(PLAIN) is TRUTH.history(PLAIN)


def test_defects_are_seen_on_the_wire() -> None:
    """
    What is not known is null, a row told twice is there twice, a Saturday is a Saturday.
    """
    day = TRUTH.history(PLAIN).sessions.opens[AT]
    told = chart(doctored("close not known"), PLAIN)
    at = told["timestamp"].index(day)
    assert told["indicators"]["quote"][0]["close"][at] is None
    assert chart(doctored("volume not known"), PLAIN)["indicators"]["quote"][0]["volume"][at] is None
    assert chart(doctored("two rows that differ"), PLAIN)["timestamp"].count(day) == 2
    friday = doctored("row on a Saturday")
    extra = set(chart(friday, PLAIN)["timestamp"]) - set(told["timestamp"])
    assert len(extra) == 1
    days = friday.history(PLAIN).sessions.dates.astype("datetime64[D]").tolist()
    assert [one.weekday() for one in days if one.weekday() > 4] == [5]


def test_split_that_nobody_tells_is_neither_told_nor_applied() -> None:
    """
    Prices before it stay as traded, so that they step where it was.
    """
    split, at = split_of("QAAC")
    view = doctored("split told by nobody", "QAAC", at)
    assert split not in view.history("QAAC").actions
    ratio = view.history("QAAC").ratio_after(TRUTH.last) / TRUTH.history("QAAC").ratio_after(TRUTH.last)
    assert set(np.unique(ratio[:at])) == {float(1 / split.ratio)}
    assert set(np.unique(ratio[at:])) == {1.0}


@pytest.mark.parametrize(
    ("name", "told", "applied"),
    [
        ("split applied twice", 1, 2),
        ("split told twice", 2, 1),
        ("split a session late", 0, 1),
        ("split told by the others only", 0, 0),
    ],
)
def test_what_is_told_and_what_is_applied_differ(name: str, told: int, applied: int) -> None:
    """
    A kind says how often a vendor tells a split on its day, and how often it has it in its prices.
    """
    split, at = split_of("QAAC")
    seen = doctored(name, "QAAC", at).history("QAAC")
    assert sum(one == split for one in seen.actions) == told
    before = seen.ratio_after(TRUTH.last)[at - 1] / TRUTH.history("QAAC").ratio_after(TRUTH.last)[at]
    assert before == pytest.approx(float(split.ratio) ** applied)


def test_adjusted_close_follows_what_the_vendor_tells() -> None:
    """
    A payment that a vendor makes up is in its adjusted closes; one beyond a share's worth cannot be.
    """
    made_up = doctored("dividend that was none").history(PLAIN).dividend_factor(TRUTH.last)
    plain = TRUTH.history(PLAIN).dividend_factor(TRUTH.last)
    assert made_up[AT - 1] / plain[AT - 1] == pytest.approx(0.98, abs=1e-3)
    above = doctored("cash above the close").history(PLAIN)
    assert above.dividend_factor(TRUTH.last).tolist() == plain.tolist()
    assert any((one.amount or 0) * 100 > TRUTH.history(PLAIN).close[AT - 1] for one in above.actions)


def test_places_lie_apart() -> None:
    """
    Two defects of a symbol are further apart than checks look back, and from splits and halts.
    """
    slots = Slots(TRUTH, 7)
    planned = plan_bars(slots, list(slots.free), ONE_SOURCE, ["yahoo"])
    assert {one.kind for one in planned} == set(ONE_SOURCE)
    for symbol in {one.symbol for one in planned}:
        days = sorted(one.day for one in planned if one.symbol == symbol)
        assert all(after - before > timedelta(days=120) for before, after in pairwise(days))
        busy = [one.ex_date for one in TRUTH.history(symbol).actions if one.ratio] + list(TRUTH.security(symbol).halts)
        assert all(abs(day - one).days > 20 for day in days for one in busy)
    again = Slots(TRUTH, 7)
    assert plan_bars(again, list(again.free), ONE_SOURCE, ["yahoo"]) == planned
    assert APART > 90


def test_jury_is_asked_of_every_kind() -> None:
    """
    With enough symbols each kind about splits and cash is planned, once a symbol.
    """
    truth = Truth(symbols=300, years=2)
    planned = plan_jury(truth, Slots(truth, 7))
    assert {one.kind for one in planned} == {*SPLITS, *CASH} - {SPUN}
    by_symbol = {one.symbol: one.kind for one in planned}
    assert all(by_symbol[one.symbol] == one.kind for one in planned)


def test_trap_33_spin_off_lowers_prices_and_one_vendor_takes_it_for_a_split() -> None:
    """
    Prices step by what was spun off and volume does not; the others tell no ratio.
    """
    slots = Slots(TRUTH, 7)
    symbol = next(one for one in slots.free if len(slots.free[one]) > 1)
    spun, planned = plan_spun(slots, [symbol])
    day, ratio = spun[symbol]
    truth = Enriched(TRUTH, {}, spun)
    seen, true, plain = Doctored(truth, planned[0].vendor, planned, HOW), truth.history(symbol), TRUTH.history(symbol)
    behind = true.sessions.dates >= np.datetime64(day, "D")
    assert true.close[~behind].tolist() == plain.close[~behind].tolist()
    assert true.close[behind].tolist() == np.round(plain.close[behind] / float(ratio)).tolist()
    assert true.volume.tolist() == plain.volume.tolist()
    assert [one.kind for one in true.actions if one.ex_date == day] == ["spin_off"]
    assert ratio in [one.ratio for one in seen.history(symbol).actions if one.ex_date == day]


@pytest.mark.parametrize("kind", MINUTES, ids=lambda kind: kind.name)
def test_minutes_are_spoilt_on_their_day_only(kind: Kind) -> None:
    """
    The minutes of the day differ, those of the next do not, and the daily bar is right.
    """
    day, following = (TRUTH.history(PLAIN).sessions.dates[at].item() for at in (AT, AT + 1))
    seen = Doctored(TRUTH, "yahoo", plan_everywhere(TRUTH, kind, "yahoo", day), HOW).history(PLAIN)
    true = TRUTH.history(PLAIN)
    assert not minutes(seen, day).equals(minutes(true, day))
    assert minutes(seen, following).equals(minutes(true, following))
    assert seen.close.tolist() == true.close.tolist()


def test_minutes_are_planned_for_symbols_that_trade() -> None:
    """
    Each kind of minutes' defect has its turn.
    """
    planned = plan_minutes(TRUTH, 7, "polygon", TRUTH.sessions.dates[-40:].tolist(), list(MINUTES))
    assert {one.kind for one in planned} == set(MINUTES)


def test_facts_are_spoilt_as_planned() -> None:
    """
    Each kind of facts' defect alters what its company files; other companies file what they did.
    """
    companies = Companies(TRUTH)
    planned = plan_facts(companies, 7, 100)
    assert {one.kind for one in planned} == set(FACTS)
    tell = spoilt(planned)
    for cik, symbols in companies.symbols_of.items():
        company = companies.company(cik)
        assert company is not None
        told = facts(companies, company, NOW)
        assert (tell(company, told) != told) == any(one.symbol == symbols[0] for one in planned)
