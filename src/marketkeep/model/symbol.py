"""
The symbol: one canonical form for an instrument's ticker, and its alias at each vendor.

The canonical form is upper case with a dot before a share class or suffix: `BRK.B`, `ABR.PRD` (preferred D),
`ACIC.WS` (warrant), `CCX.U` (unit). Crypto pairs keep their dash (`BTC-USD`), indices their caret (`^GSPC`).
`REUS~2015` is who had the ticker REUS until some day of 2015, where somebody else took it later (`~2015.2` the second
such of a year); no vendor writes it. This module knows spelling only: which security a symbol meant on a day is the
business of `gold`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from marketkeep.errors import BadSymbol

AssetClass = Literal["equity", "crypto", "index"]
Dialect = Literal["yahoo", "polygon", "alpaca", "nasdaq_trader", "alpha_vantage", "sec", "lean"]

_QUOTE_CURRENCIES = ("USD", "USDT", "USDC", "EUR", "GBP", "JPY", "BTC", "ETH")
# Alpaca and most exchanges write BTC/USD where Yahoo and Coinbase write BTC-USD.
_CRYPTO = re.compile(rf"^([A-Z0-9]{{2,12}})[-./ ]({'|'.join(_QUOTE_CURRENCIES)})$")
_INDEX = re.compile(r"^\^[A-Z0-9]{1,12}$")
_HEAD = "[A-Z][A-Z0-9]{0,9}"
_EQUITY = re.compile(rf"^{_HEAD}(?:\.[A-Z]{{1,4}}){{0,2}}$")
_FORMER = re.compile(r"^(.+)~([12][0-9]{3}(?:\.(?:[2-9]|[1-9][0-9]))?)$")
# Names that Windows keeps for devices: a lake is copied between machines, so a folder must not carry one.
_RESERVED = frozenset({"CON", "PRN", "AUX", "NUL"} | {f"{p}{n}" for p in ("COM", "LPT") for n in range(10)})
# A preferred is written ABR$D by the exchanges' directory, ABR-PD at Yahoo, ABR.PRD at Alpaca, ABRpD on the tape.
_PREFERRED = re.compile(rf"^({_HEAD})(?:\$|\^|-P|[./]PR?| PR?|[./ -]PR[./ -](?=[A-Z]))([A-Z]?)$")
_PREFERRED_ON_TAPE = re.compile(rf"^({_HEAD})p([A-Z]?)$")
_UNIT_SUFFIX = {"WS": "WT", "U": "UN", "RT": "RI"}
_UNIT_SUFFIX_BACK = {yahoo: ours for ours, yahoo in _UNIT_SUFFIX.items()}


@dataclass(frozen=True, slots=True, order=True)
class Symbol:
    """A ticker in canonical form. Make one with `Symbol.parse`; two spellings of one ticker compare equal."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Symbol:
        """
        Read a ticker in canonical or any known vendor's spelling.

        Raises `BadSymbol` for anything that is not a ticker, path separators and control characters included.
        """
        raw = text.strip()
        if match := _FORMER.match(raw):
            return cls._former(text, match[1], match[2])
        if not raw or len(raw) > 24:
            raise BadSymbol(text, "it is empty" if not raw else "it is longer than 24 characters")
        if not raw.isascii():
            # Upper case would turn the long s of a look-alike into an S, and a ligature into two letters.
            raise BadSymbol(text, "it has a character that no ticker has")
        upper = raw.upper()
        if match := _PREFERRED_ON_TAPE.match(raw) or _PREFERRED.match(upper):
            return cls(f"{match[1]}.PR{match[2]}")
        if match := _CRYPTO.match(upper):
            return cls(f"{match[1]}-{match[2]}")
        if _INDEX.match(upper):
            return cls(upper)
        head, *tail = re.split(r"[./ -]", upper)
        dotted = ".".join([head, *(_UNIT_SUFFIX_BACK.get(part, part) for part in tail)])
        if not _EQUITY.match(dotted):
            raise BadSymbol(text, "a ticker is letters and digits, with a class or suffix behind a dot")
        return cls(dotted)

    @classmethod
    def _former(cls, text: str, ticker: str, until: str) -> Symbol:
        """Who had a ticker until a year: the ticker in any spelling, the year kept as it stands."""
        try:
            had = cls.parse(ticker)
        except BadSymbol as error:
            raise BadSymbol(text, error.reason) from None
        if had.asset_class != "equity" or had.former:
            raise BadSymbol(text, "only the ticker of a stock or fund has a former holder")
        return cls(f"{had.text}~{until}")

    @property
    def former(self) -> bool:
        """Whether it names a former holder of its ticker, as `REUS~2015` does. Vendors know no such name."""
        return "~" in self.text

    @property
    def ticker(self) -> str:
        """The ticker alone: `REUS` of `REUS~2015`, else the symbol itself."""
        return self.text.partition("~")[0]

    @property
    def asset_class(self) -> AssetClass:
        """The class that the spelling alone tells: a crypto pair, an index, or else equity (ETFs included)."""
        if _CRYPTO.match(self.text):
            return "crypto"
        return "index" if self.text.startswith("^") else "equity"

    @property
    def folder(self) -> str:
        """The name of this symbol's folder in a lake: the symbol, with `_` behind a name Windows reserves."""
        head, dot, suffix = self.text.partition(".")
        return f"{head}_{dot}{suffix}" if head in _RESERVED else self.text

    def alias(self, dialect: Dialect) -> str:
        """
        Spell this symbol the way `dialect` does; `Symbol.parse` reads every such spelling back.

        A former holder keeps its own spelling: under its ticker a vendor would tell of another security.
        """
        if self.asset_class != "equity" or "." not in self.text or self.former:
            return self.text.lower() if dialect == "lean" else self.text
        head, _, suffix = self.text.partition(".")
        if suffix.startswith("PR") and len(suffix) <= 3:
            series = suffix[2:]
            forms = {
                "yahoo": f"{head}-P{series}",
                "polygon": f"{head}p{series}",
                "nasdaq_trader": f"{head}${series}",
                "alpha_vantage": f"{head}-P{series}",
                "sec": f"{head}-P{series}",
            }
            return forms.get(dialect, self.text.lower() if dialect == "lean" else self.text)
        if dialect == "yahoo":
            return f"{head}-{_UNIT_SUFFIX.get(suffix, suffix)}"
        if dialect in ("sec", "alpha_vantage"):
            return f"{head}-{suffix}"
        return self.text.lower() if dialect == "lean" else self.text

    def __str__(self) -> str:
        return self.text
