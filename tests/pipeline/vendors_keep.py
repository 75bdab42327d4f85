"""A keep that collects from many of the gym's vendors at once, as its settings say; shared by tests of such runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from gym import Gym
from marketkeep.config import Settings, SourceSettings
from marketkeep.model import Policy
from marketkeep.pipeline.collecting.filling import Outcome
from marketkeep.pipeline.collecting.means import open_means
from marketkeep.pipeline.collecting.update import update
from marketkeep.pipeline.securities import add_symbols
from marketkeep.pipeline.workspace import Workspace, open_workspace
from marketkeep.stores.lake import Lake

CONTACT = "Gym Tester tester@example.org"
Told = Mapping[str, Any]


def keyed(name: str, told: Told) -> SourceSettings:
    """What a source is told, with the keys that the gym expects of it."""
    return SourceSettings(**{"key": f"gym-key-{name}", "secret": f"gym-secret-{name}", **told})


@dataclass
class VendorsKeep:
    """
    A keep at `root` whose sources are the gym's vendors; its clock runs from the gym's instant.

    `sources` says what each source is told, `settings` the rest.
    """

    root: Path
    gym: Gym
    policy: Policy = field(default_factory=Policy)
    sources: Mapping[str, Told] = field(default_factory=dict)
    settings: Told = field(default_factory=dict)
    work: Workspace = field(init=False)
    began: float = field(default_factory=monotonic)

    def __post_init__(self) -> None:
        Lake(self.root).create(self.policy)
        self.work = open_workspace(self.root, clock=self.clock)

    def clock(self) -> datetime:
        """The gym's instant and the time that has passed."""
        return self.gym.now + timedelta(seconds=monotonic() - self.began)

    def follow(self, start: date, symbols: Sequence[str] | None = None) -> None:
        """Follow symbols, all of the truth's when none are named."""
        assert self.gym.truth is not None
        add_symbols(self.work, symbols or self.gym.truth.symbols, start=start)

    def told(self) -> Settings:
        """The settings of a run."""
        return Settings(
            data=self.root,
            gateway=self.gym.url,
            contact=CONTACT,
            sources={name: keyed(name, told) for name, told in self.sources.items()},
            **self.settings,
        )

    def collect(self, act: Callable[..., Outcome] = update, *, names: Sequence[str] = (), **options: Any) -> Outcome:
        """Run one collecting step from the sources named; from those of `sources` when none are."""
        with open_means(self.root, self.told(), self.clock, names or tuple(self.sources)) as means:
            return act(self.work, means, **options)
