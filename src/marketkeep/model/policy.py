"""
Policy: the choices that turn raw into gold, as one frozen value kept with the keep itself, so that the same raw and
policy give the same gold wherever it is rebuilt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date, timedelta
from typing import Any

from marketkeep.errors import BadSetting


@dataclass(frozen=True, slots=True)
class Policy:
    """
    What decides gold and what is collected.

    `priority` orders sources, best first; a source not named ranks behind all that are. `tolerance` is the relative
    difference of closes within which two sources agree, `action_tolerance` that of amounts of the same dividend.
    A bar is final `final_after_minutes` past its session's close. Collection starts at `start` where a symbol has no
    start of its own, and asks again for the last `trailing_sessions`, because sources revise them.
    """

    priority: tuple[str, ...] = ("yahoo", "csv", "lean", "sample")
    tolerance: float = 0.005
    action_tolerance: float = 0.005
    final_after_minutes: int = 60
    start: date = date(2009, 1, 2)
    trailing_sessions: int = 5

    @property
    def final_after(self) -> timedelta:
        """How long past its session's close a bar counts as final."""
        return timedelta(minutes=self.final_after_minutes)

    def rank(self, source: str) -> int:
        """Place of a source in `priority`, 0 for the best."""
        return self.priority.index(source) if source in self.priority else len(self.priority)

    def to_json(self) -> dict[str, Any]:
        """The policy as plain values."""
        return {**asdict(self), "priority": list(self.priority), "start": self.start.isoformat()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Policy:
        """The policy of plain values. Raises `BadSetting` naming what is unknown or wrong."""
        if unknown := sorted(set(values) - {field.name for field in fields(cls)}):
            raise BadSetting(f"policy has no {', '.join(unknown)}; it has {', '.join(f.name for f in fields(cls))}.")
        try:
            read = dict(values)
            if isinstance(read.get("priority"), str):
                raise TypeError("priority is a list of sources")
            if "priority" in read:
                read["priority"] = tuple(str(name) for name in read["priority"])
            if "start" in read:
                read["start"] = date.fromisoformat(read["start"])
            for name in ("tolerance", "action_tolerance"):
                read[name] = float(read.get(name, getattr(cls(), name)))
            for name in ("final_after_minutes", "trailing_sessions"):
                read[name] = int(read.get(name, getattr(cls(), name)))
            for name in ("tolerance", "action_tolerance", "final_after_minutes", "trailing_sessions"):
                if not 0 <= read[name] < math.inf:
                    raise ValueError(f"{name} is {read[name]}, which is not a number from 0 on")
            return cls(**read)
        except (TypeError, ValueError, OverflowError) as error:
            raise BadSetting(f"policy cannot be read: {error}. See the data dictionary for its fields.") from error
