"""The live demo, with the gym in Yahoo's place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gym import serve
from marketkeep.calendars import XNYS
from marketkeep.cli import demonstrating, main


def test_live_demo_collects_and_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """
    `demo --live` follows its symbols, collects two years of them over the wire and shows their coverage.
    """
    now = datetime.now(UTC)
    with serve(symbols=5, years=3, seed=5, last=XNYS.last_final(now, timedelta(hours=1)), now=now) as gym:
        monkeypatch.setattr(demonstrating, "LIVE", tuple(gym.truth.symbols))
        monkeypatch.setenv("MARKETKEEP_GATEWAY", gym.url)
        with pytest.raises(SystemExit) as end:
            main(["demo", "--live", "--folder", str(tmp_path / "live")])
    assert end.value.code == 0, capfd.readouterr().err
    shown = capfd.readouterr().out
    rows = {line.split()[0]: line.split()[1] for line in shown.partition("coverage")[2].splitlines()[2:7]}
    assert set(rows) == set(gym.truth.symbols)
    assert max(int(count) for count in rows.values()) > 450
