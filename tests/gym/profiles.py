"""What directories and regulators tell of a security, by its number alone: name, market, filer and share class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gym.truth import Security

SIBLINGS = {10: 0, 11: 3}
"""Number of a share class to that of another class of the same company (QAAA to BRK.B, QAAB to BF.A)."""

# fmt: off
_FIRST = (
    "Amber", "Boreal", "Cobalt", "Delta", "Eastern", "Falcon", "Granite",
    "Harbor", "Iron", "Juniper", "Keystone", "Lunar", "Maple", "Northern",
    "Orchid", "Pacific", "Quarry", "Ridge", "Summit", "Tidal",
)
_SECOND = (
    "Acorn", "Bridge", "Canyon", "Drum", "Ember", "Forge", "Garden",
    "Hollow", "Island", "Jetty", "Kiln", "Lantern", "Meadow", "Needle",
    "Oak", "Pine", "Quill", "River", "Stone", "Tower",
)
_THIRD = (
    "Analytics", "Biotech", "Chemical", "Devices", "Energy", "Foods", "Gas",
    "Health", "Insurance", "Jewelry", "Kinetics", "Logistics", "Mining", "Networks",
    "Optics", "Paper", "Quantum", "Rail", "Software", "Textiles",
)
# fmt: on
_FORMS = ("Inc.", "Corporation", "Co", "Holdings, Inc.", "Ltd.")
_MARKETS = ("XNAS", "XNYS", "XNAS", "XNYS", "XASE")


@dataclass(frozen=True)
class Profile:
    """
    `number` is the security's, `exchange` the market's MIC.

    `cik` is the filer's number at the SEC: a rename keeps it, the share classes of a company have the same, an ETF has
    none of its own. `former_name` is what a renamed company was called before.
    """

    number: int
    name: str
    exchange: str
    etf: bool
    cik: int | None
    share_class: str | None = None
    former_name: str | None = None


def profile_of(security: Security) -> Profile:
    """A security's profile, the same for every truth that has its number."""
    number = security.number
    etf = number % 13 == 12
    filer = SIBLINGS.get(number, number)
    # A company's other class may trade under a ticker without a dot, as GOOGL beside GOOG.
    share_class = "A" if number in SIBLINGS else security.symbol.partition(".")[2]
    form = "ETF" if etf else _FORMS[filer % len(_FORMS)]
    return Profile(
        number=number,
        name=f"{_name(filer)} {form}",
        exchange="ARCX" if etf else _MARKETS[filer // 5 % len(_MARKETS)],
        etf=etf,
        cik=None if etf else 1_000_000 + 37 * filer,
        share_class=share_class or None,
        former_name=f"Old {_name(filer)} {form}" if security.formerly else None,
    )


def _name(number: int) -> str:
    """Three words that no other number below 8,000 has; from there on a numeral tells them apart."""
    words = (_FIRST[number % 20], _SECOND[number // 20 % 20], _THIRD[number // 400 % 20])
    return " ".join(words) + (f" {number // 8000 + 1}" if number >= 8000 else "")
