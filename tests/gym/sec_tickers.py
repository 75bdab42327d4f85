"""
The SEC's list of tickers over the truth: `company_tickers_exchange.json`, and its older form without exchanges.

It is a day behind, as lists kept by hand are: what was listed, renamed or gone today shows tomorrow. Funds have no
number of their own there. A client that names no mail address gets a page of HTML; so does, with status 200, one that
asks while the site is under maintenance (variant `wrong_symbol`).
"""

from __future__ import annotations

from datetime import date, timedelta

import orjson

from gym.nasdaq_trader import Directory
from gym.sessions import new_york_date
from gym.truth import Truth
from gym.wire import Ask, Reply

FILES = "/files/"
_EXCHANGES = {"XNAS": "Nasdaq", "XNYS": "NYSE", "XASE": "NYSE", "ARCX": "NYSE"}
_FIELDS = ["cik", "name", "ticker", "exchange"]
_HTML = "text/html"


class SecTickers:
    """Answers for the SEC's files of tickers."""

    name = "sec_tickers"
    hosts = frozenset({"www.sec.gov"})
    variants = frozenset({"empty", "duplicates", "wrong_symbol", "not_found", "quota", "bad_key"})

    def __init__(self, truth: Truth) -> None:
        self.directory = Directory(truth)

    def key_of(self, ask: Ask) -> str | None:
        """The file's name."""
        name = ask.path.removeprefix(FILES)
        return name if ask.path.startswith(FILES) and name.startswith("company_tickers") else None

    def answer(self, ask: Ask) -> Reply | None:
        """The list in the form asked for."""
        name = self.key_of(ask)
        if name is None:
            return None
        if "@" not in ask.headers.get("user-agent", "") or ask.variant == "bad_key":
            return _page(403, "Your Request Originates from an Undeclared Automated Tool")
        if ask.variant == "quota":
            return _page(403, "Request Rate Threshold Exceeded")
        if ask.variant == "wrong_symbol":
            return _page(200, "Site Maintenance")
        if ask.variant == "not_found" or name not in ("company_tickers_exchange.json", "company_tickers.json"):
            return _page(404, "File Not Found")
        rows = [] if ask.variant == "empty" else self.rows(new_york_date(ask.now))
        if ask.variant == "duplicates":
            rows = [row for row in rows for _ in range(2)]
        if name == "company_tickers.json":
            told: object = {
                str(at): {"cik_str": cik, "ticker": ticker, "title": company}
                for at, (cik, company, ticker, _) in enumerate(rows)
            }
        else:
            told = {"fields": _FIELDS, "data": rows}
        return Reply(200, orjson.dumps(told), "application/json")

    def rows(self, today: date) -> list[tuple[int, str, str, str]]:
        """Number, name, ticker and exchange of the securities of companies, as of the day before."""
        day = max(today - timedelta(days=1), self.directory.truth.first)
        found = []
        for holder in self.directory.on(day):
            if holder.profile.cik is not None:
                ticker = holder.ticker(day).replace(".", "-")
                where = _EXCHANGES[holder.profile.exchange]
                found.append((holder.profile.cik, holder.company(day).upper(), ticker, where))
        return sorted(found)


def _page(status: int, title: str) -> Reply:
    body = f"<!DOCTYPE html><html><head><title>SEC.gov | {title}</title></head><body><h1>{title}</h1></body></html>"
    return Reply(status, body.encode(), _HTML)
