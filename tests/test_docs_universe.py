"""The how-to about universes is what a reader would type, over the gym."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gym import serve
from gym.vendors import some_vendors
from marketkeep.calendars import XNYS
from marketkeep.cli import main

PAGE = Path(__file__).parents[1] / "docs/how-to/universe.md"
VENDORS = (
    "yahoo",
    "nasdaq_trader",
    "sec_tickers",
    "sec",
    "wikipedia",
    "fund_holdings",
    "treasury",
    "coinbase",
    "binance",
)
OWN = "symbol,start,end\nNA,2020-01-02,\nTRUE,2020-01-02,2024-05-01\n"


def blocks(kind: str) -> str:
    """All blocks of a kind, in their order."""
    return "\n".join(re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text(), re.DOTALL))


@pytest.fixture
def gym_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """A folder with an empty keep and a file of members; the sources are the gym's, and quick."""
    now = datetime.now(UTC)
    last = XNYS.last_final(now, timedelta(hours=1))
    with serve(symbols=12, years=2, last=last, now=now, vendors=some_vendors(*VENDORS)) as gym:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("MARKETKEEP_GATEWAY", gym.url)
        monkeypatch.setenv("MARKETKEEP_CONTACT", "Docs docs@example.org")
        for name in VENDORS:
            source = {"fund_holdings": "ishares"}.get(name, name).upper()
            monkeypatch.setenv(f"MARKETKEEP_SOURCES__{source}__CALLS", "1000")
            monkeypatch.setenv(f"MARKETKEEP_SOURCES__{source}__SECONDS", "1")
        (tmp_path / "my_index.csv").write_text(OWN)
        yield gym


def run(*arguments: str) -> int:
    """The exit code of one command."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


@pytest.mark.usefixtures("gym_is_there")
def test_commands_and_examples_run(capsys: pytest.CaptureFixture[str]) -> None:
    """
    Every command of the page ends well, one after the other, and so do its Python examples.
    """
    assert run("init") == 0
    assert run("add-symbol", "NA", "--start", "2024-05-01") == 0
    lines = [line for line in blocks("sh").splitlines() if line]
    assert len(lines) >= 12
    for line in lines:
        words = shlex.split(line.replace("--symbol AAPL", "--symbol NA"))
        assert words[0] == "marketkeep"
        assert run(*words[1:]) == 0, (line, capsys.readouterr())
    exec(blocks("python"), {})  # noqa: S102  # the project's own docs
