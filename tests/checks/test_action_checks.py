"""What is not sure of corporate actions."""

from __future__ import annotations

from datetime import date

import polars as pl

from marketkeep.checks.actions import action_issues
from marketkeep.model import ACTIONS, ISSUES


def actions(*told: tuple[str, str, str]) -> pl.DataFrame:
    """Verdicts with their kind, status and witnesses, a day after the other."""
    rows = [
        {
            "symbol": "A",
            "ex_date": date(2024, 1, 2 + n),
            "kind": kind,
            "status": status,
            "told": "a=1",
            "witnesses": said,
        }
        for n, (kind, status, said) in enumerate(told)
    ]
    return ACTIONS.conform(pl.DataFrame(rows))


def test_each_action_that_is_not_sure_is_told_once() -> None:
    """Disputed, phantom and refused cash are each one issue with what was told and measured; the rest is none."""
    table = actions(
        ("split", "confirmed", ""),
        ("dividend", "single", ""),
        ("split", "disputed", "csv prices 1.0 do not step"),
        ("split", "phantom", ""),
        ("dividend", "disputed", "refused: not below the close before the ex-date"),
    )
    found = action_issues(table)
    assert dict(found.schema) == ISSUES.schema
    assert found.select("check", "first", "detail").rows() == [
        ("action_disputed", date(2024, 1, 4), "split is disputed: a=1; csv prices 1.0 do not step"),
        ("action_phantom", date(2024, 1, 5), "split is phantom: a=1"),
        (
            "cash_above_close",
            date(2024, 1, 6),
            "dividend is disputed: a=1; refused: not below the close before the ex-date",
        ),
    ]
    assert action_issues(ACTIONS.empty()).is_empty()
