"""docs/how-to/add-a-source.md is true: its package is made as it says, tested as it says, and collects over sockets."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import pytest

import marketkeep
from gym import Gym, Truth, serve
from gym.wire import Ask, Reply

PAGE = Path(__file__).parents[1] / "docs" / "how-to" / "add-a-source.md"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
KEY = "tide-5f0c-key"
START, LAST = date(2024, 6, 3), date(2024, 12, 31)
SYMBOLS = ("BRK.B", "NA", "TRUE")


class TidewaterVendor:
    """The vendor of the page, over the truth: at most 40 bars a page, a key in a header."""

    name = "tidewater"
    hosts = frozenset({"api.tidewater.example"})
    variants = frozenset[str]()

    def __init__(self, truth: Truth) -> None:
        self.truth = truth

    def key_of(self, ask: Ask) -> str | None:
        """The symbol, which the path ends in."""
        return ask.path.rpartition("/")[2] if ask.path.startswith("/v1/daily/") else None

    def answer(self, ask: Ask) -> Reply | None:
        """One page of a symbol's bars, an error in JSON, or nothing for another path."""
        symbol = self.key_of(ask)
        if symbol is None:
            return None
        if ask.headers.get("x-tidewater-key") != KEY:
            return self._reply({"error": f"the key {ask.headers.get('x-tidewater-key')} is wrong"}, 401)
        if symbol not in self.truth:
            return self._reply({"error": "unknown"}, 404)
        first, last = (date.fromisoformat(ask.params[name]) for name in ("from", "to"))
        rows = self.truth.bars(symbol).filter(pl.col("date").is_between(first, last))
        at = int(ask.params.get("cursor", "0"))
        bars = [[str(day), *values] for day, *values in rows.slice(at, 40).rows()]
        return self._reply({"ticker": symbol, "bars": bars, "next": str(at + 40) if at + 40 < rows.height else None})

    @staticmethod
    def _reply(told: object, status: int = 200) -> Reply:
        return Reply(status, json.dumps(told).encode())


@dataclass(frozen=True)
class Package:
    """The page's package where it is installed, and a way to run Python beside it."""

    folder: Path
    blocks: dict[str, list[str]]

    def run(self, *arguments: str, code: int = 0, **settings: str) -> str:
        """What a Python process says that finds the package."""
        environment = {"PATH": "", "PYTHONPATH": str(self.folder), "HOME": str(self.folder), **settings}
        command = [sys.executable, "-m", *arguments]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, check=False, timeout=120)
        told = done.stdout.decode() + done.stderr.decode()
        assert done.returncode == code, told
        assert KEY not in told
        return told


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The blocks of the page as an installer would lay them down: module, test, and entry points beside them."""
    blocks: dict[str, list[str]] = {}
    for language, text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        blocks.setdefault(language, []).append(text)
    folder = tmp_path_factory.mktemp("outside")
    source, test = blocks["python"]
    (folder / "marketkeep_tidewater.py").write_text(source, encoding="utf-8")
    (folder / "test_tidewater.py").write_text(test, encoding="utf-8")
    project = tomllib.loads(blocks["toml"][0])["project"]
    info = folder / f"marketkeep_tidewater-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n", encoding="utf-8"
    )
    points = [
        f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in told.items())
        for group, told in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("".join(points), encoding="utf-8")
    return Package(folder, blocks)


@pytest.fixture(scope="module")
def gym() -> Iterator[Gym]:
    """Tidewater's server, reached as every vendor is: through the gateway."""
    with serve(truth=Truth(symbols=5, years=2), vendors=lambda truth: [TidewaterVendor(truth)]) as gym:
        yield gym


def test_the_example_is_short(package: Package) -> None:
    """
    The page's whole source has under 80 lines.
    """
    assert len(package.blocks["python"][0].splitlines()) < 80


def test_the_example_keeps_the_contract(package: Package) -> None:
    """
    The page's own test passes, run beside the package as its author would.
    """
    assert "1 passed" in package.run("pytest", "-q", "-p", "no:cacheprovider", "test_tidewater.py")


def test_the_example_collects(package: Package, gym: Gym) -> None:
    """
    A source from outside, found by its entry point, is listed, tried, and collects page after page from its vendor.

    What is kept are the truth's bars to the last value; no key is in any file.
    """
    keep = package.folder / "keep"
    settings = {"MARKETKEEP_DATA": str(keep), "MARKETKEEP_GATEWAY": gym.url}
    keyed = {**settings, "MARKETKEEP_SOURCES__TIDEWATER__KEY": KEY}
    *_, listed = json.loads(package.run("marketkeep", "sources", "--json", **settings))
    assert (listed["name"], listed["usable"]) == ("tidewater", False)
    assert "MARKETKEEP_SOURCES__TIDEWATER__KEY is not set" in listed["unusable"]
    assert "Tidewater knows no AAPL" in package.run("marketkeep", "sources", "test", "tidewater", code=1, **keyed)
    package.run("marketkeep", "init", **keyed)
    package.run("marketkeep", "add-symbol", *SYMBOLS, "--start", str(START), **keyed)
    package.run("marketkeep", "update", "--source", "tidewater", "--dataset", "daily_bars", **keyed)
    ours = marketkeep.open(keep)
    for symbol in SYMBOLS:
        true = gym.truth.bars(symbol).filter(pl.col("date").is_between(START, LAST))
        got = ours.bars(symbol, end=LAST).polars().select(true.columns)
        assert true.height > 100
        assert got.cast(true.schema).equals(true), symbol
    assert len(gym.log) > 2 * len(SYMBOLS)
    assert [path for path in keep.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()] == []


def test_a_wrong_key_is_told_in_the_sources_words(package: Package, gym: Gym) -> None:
    """
    A key that the vendor repeats in its refusal shows nowhere: the source says in its own words that it is wrong.
    """
    settings = {"MARKETKEEP_DATA": str(package.folder / "none"), "MARKETKEEP_GATEWAY": gym.url}
    wrong = "wrong-tide-key"
    told = package.run(
        *("marketkeep", "sources", "test", "tidewater"), code=1, MARKETKEEP_SOURCES__TIDEWATER__KEY=wrong, **settings
    )
    assert "Tidewater does not accept the key." in told
    assert wrong not in told
