"""A chain of pages that breaks: nothing of it counts until the last page came, and the next run brings it whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import stamina
from source_keep import CASES, LAST, Case, SourceKeep, evening

import marketkeep
from gym import FaultPlan, Gym, Truth, serve
from gym.alpaca import Alpaca
from gym.polygon import Polygon
from gym.sec import Sec
from gym.sec_tickers import SecTickers
from gym.truth import SPECIAL
from gym.wire import Vendor

COMPANY = "CIK0001000000"


@dataclass
class FromSecondPage(FaultPlan):
    """Hits every data request for a key but the first one: the first page comes, no other does."""

    kind: str = "cut"

    def fault(self, key: str, attempt: int) -> str | None:
        """The fault of an attempt."""
        return self.kind if attempt > 1 else None


@dataclass(frozen=True)
class Chained:
    """What is asked, whose pages break (`symbol`), and the gym's keys of `later` pages where these are others."""

    case: Case
    dataset: str
    symbol: str
    later: str | None = None

    def plan(self, kind: str) -> FaultPlan:
        """Faults at all pages but the first."""
        return FaultPlan(always={self.later: kind}) if self.later else FromSecondPage(kind=kind)


CHAINS = {
    "alpaca": Chained(Case("alpaca", ("minute_bars",), ("NA", "BRK.B", "HEI.A")), "minute_bars", "NA"),
    "polygon": Chained(Case("polygon", ("actions",), ("NA",)), "actions", "NA"),
    "sec": Chained(replace(CASES["sec"], datasets=("filings",)), "filings", COMPANY, f"{COMPANY} filings 00*"),
}


def vendors(truth: Truth) -> list[Vendor]:
    """Vendors with short pages, so that a small truth fills several."""
    return [Alpaca(truth), Polygon(truth), Sec(truth, recent=3, page=3), SecTickers(truth)]


@pytest.fixture(scope="module")
def gym() -> Iterator[Gym]:
    """A gym with chains of pages."""
    hooks = stamina.instrumentation.get_on_retry_hooks()
    stamina.instrumentation.set_on_retry_hooks([])
    with serve(truth=Truth(symbols=len(SPECIAL), years=2), vendors=vendors, now=evening(LAST)) as one:
        yield one
    stamina.instrumentation.set_on_retry_hooks(hooks)


@pytest.mark.parametrize("kind", ["cut", "malformed", "plain_400"])
@pytest.mark.parametrize("name", list(CHAINS))
def test_broken_chain_settles_nothing(name: str, kind: str, gym: Gym, tmp_path: Path) -> None:
    """
    The first page comes and the rest does not: no row of the chain is taken, its window is not answered, it is told as
    incomplete; the next run asks again, and then all is there as in a keep that nothing happened to.
    """
    chained = CHAINS[name]
    gym.set_faults(FaultPlan(), name)
    whole = SourceKeep(tmp_path / "whole", gym, chained.case)
    whole.collect()
    keep = SourceKeep(tmp_path / "keep", gym, chained.case)
    gym.clear()
    gym.set_faults(chained.plan(kind), name)
    keep.collect()
    assert gym.count > 1
    keep.sound()
    assert told_about(keep, chained) == 0
    answered = keep.work.lake.catalog().answered(chained.dataset, name, chained.symbol)
    assert [span for span in answered if span[0] is None] == []
    assert "incomplete" in set(marketkeep.open(keep.root).findings()["check"])
    gym.set_faults(FaultPlan(), name)
    keep.collect()
    keep.sound()
    assert keep.raw() == whole.raw()
    assert told_about(keep, chained) > 0
    keep.as_rebuilt()


def told_about(keep: SourceKeep, chained: Chained) -> int:
    """How many raw rows of the dataset there are about whom the chain was for."""
    paths = [path for path in keep.work.batches.paths() if path.split("/")[1] == chained.dataset]
    rows = keep.work.batches.rows(chained.dataset, paths)
    by, value = ("cik", int(COMPANY[3:])) if chained.symbol == COMPANY else ("symbol", chained.symbol)
    return rows.filter(rows[by] == value).height


def test_page_that_comes_late_counts(gym: Gym, tmp_path: Path) -> None:
    """A connection cut once in the middle of a chain costs one more request, and the chain goes on in the same run."""
    chained = CHAINS["alpaca"]
    gym.set_faults(FaultPlan(), "alpaca")
    whole = SourceKeep(tmp_path / "whole", gym, chained.case)
    whole.collect()
    pages = gym.count_of("alpaca")
    assert pages > 1
    keep = SourceKeep(tmp_path / "keep", gym, chained.case)
    gym.set_faults(OnceCut(), "alpaca")
    keep.collect()
    assert gym.count_of("alpaca") == pages + 1
    assert keep.raw() == whole.raw()


class OnceCut(FaultPlan):
    """Cuts the second data request for a key."""

    def fault(self, key: str, attempt: int) -> str | None:
        """The fault of an attempt."""
        return "cut" if attempt == 2 else None
