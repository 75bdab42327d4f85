"""What another answer may cure, and the windows in which it is asked for."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from marketkeep.model import ACTIONS, FINDINGS
from marketkeep.pipeline.collecting.gaps import Window
from marketkeep.pipeline.collecting.remedies import INCURABLE, Need, Trouble, needs, opinion, troubles

SINCE, DAY = date(2024, 12, 2), date(2024, 12, 9)


def finding(check: str, day: date = DAY, **told: Any) -> dict[str, Any]:
    """An open error of a daily bar."""
    return {
        "check": check,
        "severity": "error",
        "dataset": "daily_bars",
        "symbol": "AAPL",
        "source": "yahoo",
        "first": day,
        "last": day,
        "count": 1,
        "detail": "",
        "batch_id": "batch",
        "detected_at": datetime(2024, 12, 20, tzinfo=UTC),
        "repeated": 0,
        "resolved_at": None,
        "resolved_by": None,
        **told,
    }


def found(*rows: dict[str, Any], disputed: tuple[date, ...] = ()) -> list[Trouble]:
    """The troubles among findings and actions disputed on these ex-dates."""
    schema = {name: ACTIONS.schema[name] for name in ("symbol", "ex_date", "status")}
    actions = pl.DataFrame([("MSFT", day, "disputed") for day in disputed], schema=schema, orient="row")
    return troubles(pl.DataFrame(list(rows), schema=FINDINGS.schema), actions, SINCE)


@pytest.mark.parametrize(
    "check",
    [
        *("price_absurd", "high_below_low", "duplicate_conflict", "price_spike", "stale_repeat", "split_missed"),
        *("source_disagreement", "minutes_differ", "minutes_incomplete"),
    ],
)
def test_a_flaw_in_a_value_may_be_cured(check: str) -> None:
    """
    What is wrong with a value is asked about: whoever told it may have revised it, another may know better.
    """
    assert found(finding(check)) == [Trouble("AAPL", "daily_bars", DAY, check, "error", "yahoo")]


@pytest.mark.parametrize("check", [*sorted(INCURABLE), "malformed", "unreachable"])
def test_what_nobody_can_tell_otherwise_is_left(check: str) -> None:
    """
    A row where no row belongs, and a refused answer, are not asked about: gap planning sees to what is missing.
    """
    assert found(finding(check)) == []


def test_only_what_is_open_and_recent() -> None:
    """
    What has been cured, what is mere information and what lies before the days asked for needs no remedy.
    """
    cured = finding("price_absurd", resolved_at=datetime(2024, 12, 21, tzinfo=UTC), resolved_by="batch")
    early = finding("price_absurd", date(2024, 11, 29))
    assert found(cured, early, finding("price_absurd", severity="info"), finding("price_spike", symbol=None)) == []
    assert found(disputed=(date(2024, 11, 29), DAY)) == [Trouble("MSFT", "actions", DAY, "action_disputed", "warning")]


def test_days_near_each_other_are_asked_for_together() -> None:
    """
    Findings of a symbol within a week are one window with all their reasons; another symbol, dataset or month is one of
    its own. It is urgent where one of them is an error.
    """
    rows = [
        finding("price_spike", date(2024, 12, 3), severity="warning"),
        finding("price_spike", date(2024, 12, 5), severity="warning"),
        finding("high_below_low", date(2024, 12, 9)),
        finding("price_spike", date(2024, 12, 27), severity="warning"),
        finding("minutes_differ", date(2024, 12, 3), severity="warning", dataset="minute_bars"),
        finding("price_spike", date(2024, 12, 3), severity="warning", symbol="NA"),
    ]
    assert needs(found(*rows)) == [
        Need(
            "AAPL", "daily_bars", date(2024, 12, 3), date(2024, 12, 9), ("price_spike", "high_below_low"), urgent=True
        ),
        Need("AAPL", "daily_bars", date(2024, 12, 27), date(2024, 12, 27), ("price_spike",)),
        Need("AAPL", "minute_bars", date(2024, 12, 3), date(2024, 12, 3), ("minutes_differ",)),
        Need("NA", "daily_bars", date(2024, 12, 3), date(2024, 12, 3), ("price_spike",)),
    ]


def test_an_untold_split_is_asked_for_among_the_actions_too() -> None:
    """
    A lasting step that no action tells of, and an action in dispute, are asked about a week to either side.
    """
    around = (date(2024, 12, 2), date(2024, 12, 16))
    assert needs(found(finding("split_missed", severity="warning"))) == [
        Need("AAPL", "actions", *around, ("split_missed",)),
        Need("AAPL", "daily_bars", DAY, DAY, ("split_missed",)),
    ]
    assert needs(found(disputed=(DAY,))) == [Need("MSFT", "actions", *around, ("action_disputed",))]


def test_former_holders_of_a_ticker_cannot_be_asked_for() -> None:
    """
    Under its ticker a vendor would tell of another company.
    """
    assert needs(found(finding("price_absurd", symbol="REUS~2015"))) == []


def test_every_source_is_asked_for_its_own_word() -> None:
    """
    The window of a need counts neither what is held nor what was answered, and reaches no further than what is final.
    """
    need = Need("AAPL", "daily_bars", DAY, date(2024, 12, 12), ("price_absurd",), urgent=True)
    whole = Window("AAPL", DAY, date(2024, 12, 13), settled=False, rank=0, held=False)
    assert opinion(need, date(2025, 1, 1)) == whole
    cut = opinion(need, date(2024, 12, 11))
    assert cut is not None
    assert cut.end == date(2024, 12, 11)
    assert opinion(need, DAY) is None
