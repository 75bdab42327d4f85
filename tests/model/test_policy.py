"""The policy: the same as JSON and back, and refused by name where it makes no sense."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketkeep.errors import BadSetting
from marketkeep.model import Policy

POLICIES = st.builds(
    Policy,
    priority=st.lists(st.sampled_from(["yahoo", "csv", "lean", "sample", "mine"]), unique=True).map(tuple),
    tolerance=st.floats(0, 1),
    action_tolerance=st.floats(0, 1),
    final_after_minutes=st.integers(0, 10_000),
    start=st.dates(date(1962, 1, 2), date(2030, 1, 1)),
    trailing_sessions=st.integers(0, 100),
)


@given(POLICIES)
def test_policy_survives_json(policy: Policy) -> None:
    """
    What is written with the keep is read back equal.
    """
    assert Policy.from_json(json.loads(json.dumps(policy.to_json()))) == policy


def test_every_field_is_written() -> None:
    """
    No choice is left out of the keep's file, and what is absent there has its default.
    """
    assert set(Policy().to_json()) == {field.name for field in fields(Policy)}
    assert Policy.from_json({}) == Policy()
    assert Policy.from_json({"tolerance": 0.01}) == Policy(tolerance=0.01)


def test_rank_and_lag() -> None:
    """
    A source ranks by its place, one that is not named behind all; minutes become a span.
    """
    policy = Policy(priority=("csv", "yahoo"), final_after_minutes=90)
    assert [policy.rank(name) for name in ("csv", "yahoo", "mine")] == [0, 1, 2]
    assert policy.final_after == timedelta(minutes=90)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"tolerence": 0.1}, "tolerence"),
        ({"tolerance": "much"}, "much"),
        ({"tolerance": None}, "policy"),
        ({"tolerance": -0.1}, "tolerance"),
        ({"tolerance": float("nan")}, "tolerance"),
        ({"action_tolerance": float("inf")}, "action_tolerance"),
        ({"final_after_minutes": -1}, "final_after_minutes"),
        ({"final_after_minutes": float("inf")}, "policy"),
        ({"trailing_sessions": -5}, "trailing_sessions"),
        ({"priority": "yahoo"}, "priority"),
        ({"priority": None}, "policy"),
        ({"priority": 3}, "policy"),
        ({"start": "yesterday"}, "yesterday"),
        ({"start": 2009}, "policy"),
    ],
)
def test_nonsense_is_named(values: dict[str, Any], named: str) -> None:
    """
    What is unknown or makes no sense is a `BadSetting` that names it.
    """
    with pytest.raises(BadSetting, match=named):
        Policy.from_json(values)
