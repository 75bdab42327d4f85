"""
Where each numbered trap of market data is held: what is seeded for it here, and the tests that name it.

A test names a trap in its own name (`test_trap_30_...`) or in its first words (`Trap 30: ...`, `Traps 30 and 40`).
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[1]
TITLES = (
    "Yahoo's close and volume are adjusted for splits already",
    "Yahoo's dividends are scaled by later splits, not always",
    "Yahoo's adjusted close is restated at every dividend",
    "dividends of funds include capital gains",
    "the last row is live, partial or told twice",
    "volumes are revised for days",
    "minutes reach back a month, a week at a time",
    "an empty answer is no delisting",
    "weekly and monthly bars are wrongly adjusted",
    "prices times 100, missing or doubled splits, flat split days",
    "a renamed ticker answers with the time after, or with all",
    "one exchange's feed is 3 % of the volume",
    "raw bars must be asked for by name",
    "a minute bar exists only where there were trades",
    "a bar is worked out again seconds later",
    "daily bars are stamped 04:00 or 05:00 UTC",
    "the last 15 minutes are refused on a free plan",
    "the payable date can come before the ex-date",
    "a session with a handful of bars for everybody",
    "times are milliseconds, in flat files nanoseconds",
    "bars come split-adjusted unless told otherwise",
    "five calls a minute, answers in pages",
    "splits twice, missing, or on a wrong day",
    "volume may be fractional",
    "extended hours are not in the day's high and low",
    "old history is refused for good",
    "errors and quota notes with status 200",
    "strings under numbered keys, as traded",
    "one share class, many spellings",
    "tickers are used again by other companies",
    "directories end in a trailer and hold test issues",
    "an issuer's number is not a security's, and changes",
    "spin-offs coded as splits, classes that swap tickers",
    "odd ratios, such as 1046:1000",
    "chains of reverse splits, prices of 10^8",
    "special dividends and returns of capital",
    "dividends adjust by a product, on as-traded closes",
    "the exchange's ex-date counts, no other day",
    "cash at or above the close before",
    "nothing is invented behind a delisting",
    "unscheduled closures",
    "Juneteenth, from 2022",
    "half days close at 13:00",
    "halts, of the market and of one name",
    "daylight saving",
    "crypto trades every day, and its venues fail",
    "a filing's fiscal period is not the fact's",
    "a fact is told again in later filings",
    "year to date beside quarters",
    "proxy statements a thousand times off",
    "amendments in part, years of 53 weeks, changed years",
    "accepted after the close is known the next session",
    "facts by dimension are missing, banks have other concepts",
    "the SEC's rules of asking; what assets equal; late filings",
    "one-day members, announced is not effective, no fixed number",
    "scores on returns after actions, not on prices",
    "halts and missing values stay missing",
    "Yahoo's forms: nulls, no timestamps, many kinds of error",
    "Alpha Vantage's note tells the key",
    "Alpaca's forms: empties, tokens on the last page",
    "Polygon's forms: exponents, pages without the key",
    "the SEC's forms: nulls, repeats, HTML with status 200",
    "tickers that look like values: NA, TRUE, INF",
    "holdings of funds: preamble, cash rows, a trailer",
    "other venues' units, orders and digits",
    "split ratios as rounded decimals",
)
"""What each trap is, from the first on."""

SEEDS: dict[int, tuple[str, ...]] = {
    1: ("split that was none, applied", "split applied twice"),
    3: ("step in the adjusted close",),
    4: ("capital gain beside a dividend",),
    5: ("session under way",),
    6: ("revised later",),
    8: ("no bars any more, still listed", "gone from the directory for a day"),
    10: ("price times 100", "price times 100 at two of three", "split told by nobody", "one price all session"),
    11: ("renamed",),
    14: ("a handful of minutes", "no minutes"),
    19: ("a handful of minutes for everybody", "session missing for many"),
    23: ("split told twice", "split told again a session later", "split told by the others only"),
    25: ("minutes of another price",),
    30: ("ticker reused by another company",),
    32: ("one security under two tickers",),
    33: ("spin-off told as a split",),
    34: ("spin-off told as a split",),
    36: ("special dividend",),
    38: ("split a session late", "dividend a session late"),
    39: ("cash above the close",),
    40: ("delisted",),
    44: ("halted",),
    50: ("revenue times 1000",),
    54: ("equity out of balance", "filed 130 days after"),
    55: ("members of a day", "day on which one interval of two that overlap has ended"),
    57: ("open not known", "volume not known"),
    58: ("empty", "malformed"),
}
"""Traps to what is seeded for them in this report."""

ALWAYS: dict[int, str] = {
    1: "all of Yahoo's bars are told split-adjusted",
    2: "Yahoo's cash is scaled by later splits, of every twelfth symbol not",
    3: "Yahoo's adjusted close is of the day of asking",
    16: "Alpaca's stamps of days are midnights in New York",
    20: "Polygon's stamps are in milliseconds",
    22: "answers of Polygon and Alpaca come in pages",
    25: "minutes before and after hours, away from the day's range",
    29: "BRK.B, BF.A and HEI.A in each vendor's spelling",
    31: "directories with test issues and a trailer",
    43: "half days of every year",
    45: "both changes of the clock in every year",
    63: "NA, TRUE, NULL, NAN, ON, INF and CON among the symbols",
}
"""Traps that are in every row or answer of the gym, with nothing planted."""

_SAID = re.compile(r"\btraps?\s+(\d+(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+|\s+to\s+)(?:traps?\s+)?\d+)*)", re.IGNORECASE)
_NAMED = re.compile(r"traps?((?:_(?:\d+|and))+)")


@cache
def named_by_tests() -> dict[int, tuple[str, ...]]:
    """By trap the tests that name it, as module.test, those that have it in their own name first."""
    found: dict[int, list[tuple[bool, str]]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        for name, said in _tests(path):
            own = {int(one) for part in _NAMED.findall(name) for one in re.findall(r"\d+", part)}
            for trap in own | set(_numbers(said)):
                found[trap].append((trap not in own, f"{path.stem}.{name}"))
    return {trap: tuple(name for _, name in sorted(names)) for trap, names in found.items()}


def trap_rows() -> Iterator[tuple[str, ...]]:
    """Number, what it is, what is seeded for it, tests that name it."""
    tests = named_by_tests()
    for trap, title in enumerate(TITLES, 1):
        named = tests.get(trap, ())
        more = f" and {len(named) - 1} more" if len(named) > 1 else ""
        here = [*SEEDS.get(trap, ()), *([ALWAYS[trap]] if trap in ALWAYS else [])]
        yield str(trap), title, "; ".join(here), f"`{named[0]}`{more}" if named else ""


def _tests(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.name, ast.get_docstring(node) or ""


def _numbers(said: str) -> Iterator[int]:
    for numbers in _SAID.findall(said):
        for first, last in re.findall(r"(\d+)(?:\s+to\s+(\d+))?", numbers):
            yield from range(int(first), int(last or first) + 1)
