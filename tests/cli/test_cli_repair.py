"""`marketkeep repair`: its plan, what it says was cured, and when there is nothing to do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from command_line import Ended, run

from gym import Gym, Truth, serve
from gym.defects import Defect, Doctored
from gym.defects_bars import KINDS
from gym.polygon import Polygon
from gym.yahoo import Yahoo
from marketkeep.calendars import XNYS

NOW = datetime.now(UTC)
# The keep's clock is the machine's: what is final by it the vendors have, whatever the time of day.
TRUTH = Truth(7, 12, 1, XNYS.last_final(NOW, timedelta(hours=1)))
HOW = {kind.name: spoil for kind, spoil in KINDS.items()}
NAMED = {kind.name: kind for kind in KINDS}
WRONG = next(one for one in TRUTH.symbols if not TRUTH.history(one).actions and not TRUTH.security(one).delisted)
DAY: date = TRUTH.history(WRONG).sessions.dates[-8].item()


def views(truth: Truth) -> list[object]:
    """Yahoo, whose high lies below the low on one day, and Polygon, who knows better."""
    defects = [Defect(NAMED["high below low"], "yahoo", WRONG, DAY)]
    return [Yahoo(Doctored(truth, "yahoo", defects, HOW)), Polygon(truth)]


@pytest.fixture(scope="module")
def gym() -> Iterator[Gym]:
    """Both vendors, today."""
    with serve(truth=TRUTH, now=NOW, vendors=views) as one:
        yield one


def test_repair_says_what_it_asks_and_what_it_cured(tmp_path: Path, gym: Gym) -> None:
    """
    The plan names the session, the reasons and whom it asks, and asks nobody; the repair says what was cured, and
    afterwards there is nothing to do.
    """
    root = tmp_path / "keep"
    settings = {"MARKETKEEP_GATEWAY": gym.url, "MARKETKEEP_SOURCES__POLYGON__KEY": "gym-key-polygon"}

    def command(*arguments: str) -> Ended:
        ended = run(*arguments, "--data", root, settings=settings)
        # Slow work tells its progress on the side.
        assert ended.code == 0, ended
        return ended

    run("init", root)
    command("add-symbol", WRONG, "--start", str(NOW.date() - timedelta(days=120)))
    command("update", "--source", "yahoo", "--dataset", "daily_bars", "--dataset", "actions")
    gym.clear()
    plan = command("repair", "--dry-run").out
    assert f"{WRONG} daily_bars {DAY}: gap; ask yahoo, polygon\n" in plan
    [reasons] = [line for line in plan.splitlines() if "high_below_low" in line]
    assert reasons.endswith("; ask yahoo, polygon")
    assert plan.splitlines()[-1] == "2 to ask for; nothing was asked, leave out --dry-run to do it"
    assert gym.count == 0
    assert command("repair", "--dry-run", "--days", "3").out.startswith("nothing to repair: no session is missing")
    done = command("repair", "--symbol", WRONG).out
    assert "1 of 1 missing sessions filled\n" in done
    assert f"cured: high_below_low of {WRONG} on {DAY} (yahoo)\n" in done
    assert "still open" not in done
    assert command("repair").out.startswith("nothing to repair: no session is missing")
    run("repair", "--symbol", "ZZZ", "--data", root, settings=settings).refused(1, "ZZZ")
