"""No key, secret or contact is kept or told: not in any byte of a keep, nor in what a process says, nor in its logs."""

from __future__ import annotations

import base64
import gzip
import html
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, quote_plus

import polars as pl
import pytest

from gym import FaultPlan, Gym, Truth, serve
from gym.polygon import Polygon
from gym.vendors import all_vendors
from gym.wire import Ask, Reply, Vendor
from marketkeep.config import read_settings
from marketkeep.model import Policy
from marketkeep.pipeline.collecting.book import SourceBook
from marketkeep.pipeline.collecting.ledger import PLACE
from marketkeep.pipeline.journal import open_runs
from marketkeep.pipeline.securities import add_symbols
from marketkeep.pipeline.workspace import open_workspace
from marketkeep.stores.lake import Lake

NOW = datetime.now(UTC)
START = (NOW - timedelta(days=90)).date()
SYMBOLS = ("BRK.B", "NA", "HEI.A", "BTC-USD")
RUNNER = Path(__file__).with_name("logged_process.py")

MAIL = "gym+keep@example.org"
GYM_KEYS = {
    "MARKETKEEP_SOURCES__POLYGON__KEY": "gym-key-polygon",
    "MARKETKEEP_SOURCES__ALPACA__KEY": "gym-key-alpaca",
    "MARKETKEEP_SOURCES__ALPACA__SECRET": "gym-secret-alpaca",
    "MARKETKEEP_SOURCES__ALPHA_VANTAGE__KEY": "gym-key-alpha_vantage",
    "MARKETKEEP_CONTACT": MAIL,
}
ODD_KEYS = {name: f'{value}/+="<&> %41~' for name, value in GYM_KEYS.items()} | {
    "MARKETKEEP_CONTACT": f"Ann O'Nymous <{MAIL}>"
}


def forms(secret: str) -> set[bytes]:
    """A secret as it may stand in text, addresses, HTML, JSON and base64."""
    texts = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), html.escape(secret)}
    texts |= {html.escape(secret, quote=False), json.dumps(secret)[1:-1]}
    coded = {base64.b64encode(secret.encode()), base64.urlsafe_b64encode(secret.encode())}
    return {text.encode() for text in texts} | {code.rstrip(b"=") for code in coded}


class Echo:
    """A vendor at another's hosts that repeats all it was asked with, in another way each time; it serves nothing."""

    variants: frozenset[str] = frozenset()

    def __init__(self, of: Vendor) -> None:
        self.of, self.name, self.hosts, self.asked = of, of.name, of.hosts, 0

    def key_of(self, ask: Ask) -> str | None:
        """What the other's data requests are for."""
        return self.of.key_of(ask)

    def answer(self, ask: Ask) -> Reply | None:
        """An error, a page, a redirect or a next address that holds the keys, in its body and its headers."""
        if self.key_of(ask) is None:
            return None
        told = [*ask.params.values(), *(ask.headers.get(name, "") for name in KEY_HEADERS)]
        told += [one.removeprefix("Bearer ").removeprefix("marketkeep ") for one in told]
        told = [one for one in told if one]
        self.asked += 1
        again = f"https://{ask.host}{ask.path}?" + "&".join(f"apiKey={quote_plus(one)}" for one in told)
        headers = (("ETag", f'"{told[-1]}"'), ("X-RateLimit-Who", told[-1]), ("Link", f"<{again}>; rel=next"))
        page = b"<html><body>You sent " + b" ".join(form for one in told for form in forms(one)) + b"</body></html>"
        note = json.dumps({"status": "ERROR", "error": f"Key {told}", "message": f"subscription {told}", "url": again})
        good = json.dumps({"status": "OK", "results": [], "next_url": again, "bars": {}, "next_page_token": told[-1]})
        return (
            Reply(200, page, "text/html", headers),
            Reply(500, page, "text/html", headers),
            Reply(400, note.encode(), headers=headers),
            Reply(302, page, "text/html", (*headers, ("Location", again))),
            Reply(200, good.encode(), headers=headers),
            Reply(403, note.encode(), headers=headers),
            Reply(401, page, "text/html", headers),
        )[self.asked % 7]


KEY_HEADERS = ("authorization", "apca-api-key-id", "apca-api-secret-key", "user-agent")


class KeyInNext(Polygon):
    """Polygon with short pages, whose next address holds the caller's key."""

    def answer(self, ask: Ask) -> Reply | None:
        """As Polygon, but for that."""
        reply = super().answer(replace(ask, params={**ask.params, "limit": "20"}))
        key = ask.headers.get("authorization", "").removeprefix("Bearer ")
        if reply is None or b'"next_url":"' not in reply.body:
            return reply
        body = reply.body.replace(b'"next_url":"', b'"next_url":"https://api.polygon.io/v0?apiKey=' + key.encode(), 0)
        head, _, rest = body.partition(b'"next_url":"')
        address, _, tail = rest.partition(b'"')
        return replace(reply, body=head + b'"next_url":"' + address + b"&apiKey=" + key.encode() + b'"' + tail)


def keyed_vendors(truth: Truth) -> list[Vendor]:
    """All vendors, Polygon with its key in what it says."""
    return [KeyInNext(one.truth) if isinstance(one, Polygon) else one for one in all_vendors(truth)]


def echoing_vendors(truth: Truth) -> list[Vendor]:
    """Those that take a key or contact repeat it, the others serve."""
    shy = {"polygon", "alpaca", "alpha_vantage", "sec", "sec_tickers"}
    return [Echo(one) if one.name in shy else one for one in all_vendors(truth)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A keep that follows stocks and a crypto pair, minute bars among what is collected."""
    Lake(tmp_path / "keep").create(Policy(start=START, datasets=(*Policy().datasets, "minute_bars"), minute_days=5))
    add_symbols(open_workspace(tmp_path / "keep"), SYMBOLS)
    return tmp_path / "keep"


def run(root: Path, gym: Gym, keys: dict[str, str], *commands: tuple[str, ...], crash: str = "-") -> bytes:
    """
    All that a process says in which commands run one after the other: its exit code, standard output, standard error
    and the log lines of every library.
    """
    log = root.parent / "log"
    log.unlink(missing_ok=True)
    paces = {f"MARKETKEEP_SOURCES__{name.upper()}__CALLS": "1000" for name in (one.name for one in gym.vendors)}
    told = json.dumps([[*command, "--data", str(root)] for command in commands])
    quick = {"MARKETKEEP_TIMEOUT_SECONDS": "5", "MARKETKEEP_ATTEMPTS": "2", "MARKETKEEP_REST_SECONDS": "600"}
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "ignore", str(RUNNER), str(log), crash, told],
        env={**clean_environment(), **keys, **paces, **quick, "MARKETKEEP_GATEWAY": gym.url},
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert log.stat().st_size > 0
    return b"exit %d\n" % done.returncode + done.stdout + done.stderr + log.read_bytes()


def kept(root: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of a keep by name, as it lies there and, where it is packed, as it reads."""
    for path in sorted(root.rglob("*")):
        if path.is_file():
            body = path.read_bytes()
            yield path.name, body
            if body[:2] == b"\x1f\x8b":
                yield f"{path.name}, unpacked", gzip.decompress(body)
            if path.suffix == ".parquet":
                yield f"{path.name}, read", pl.read_parquet(path).write_ndjson().encode()
                yield f"{path.name}, footer", str(pl.read_parquet_metadata(path)).encode()


def leaks(places: Iterable[tuple[str, bytes]], keys: dict[str, str]) -> list[tuple[str, str, bytes]]:
    """Where which setting is found in which form, with what stands before it."""
    wanted = {(name, form) for name, value in keys.items() for form in forms(value)} | {
        ("MARKETKEEP_CONTACT", form) for form in forms(MAIL)
    }
    return [
        (place, name, body[max(0, at - 60) : at + len(form)])
        for place, body in places
        for name, form in wanted
        if (at := body.find(form)) >= 0
    ]


def clean_environment() -> dict[str, str]:
    """The environment without settings of whoever runs the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MARKETKEEP_")}


def truth() -> Truth:
    """A truth that ends yesterday, as processes have the clock of this machine."""
    return Truth(symbols=12, years=1, last=(NOW - timedelta(days=1)).date())


def test_vendors_that_serve_leave_no_secret(root: Path) -> None:
    """
    An update from all sources with every key set, pages that go on at addresses with a key in them, a note that repeats
    the key and keys that are refused; the list of sources and a try of each: no secret in the keep or in what is said.
    """
    with serve(truth=truth(), now=NOW, vendors=keyed_vendors) as gym:
        # Alone, and each for a symbol of its own: asked together, the cheapest would bring all.
        alone = [
            ("backfill", "--source", source, "--symbol", symbol, "--start", str(START))
            for source, symbol in (("polygon", "BRK.B"), ("alpaca", "NA"), ("alpha_vantage", "HEI.A"))
        ]
        collected = run(root, gym, GYM_KEYS, *alone, ("update",))
        assert collected.startswith(b"exit 0\n"), collected[:2000]
        assert {one.name for one in gym.vendors} <= {hit.vendor for hit in gym.log} | {"binance"}
        assert any("cursor" in hit.params for hit in gym.log if hit.vendor == "polygon")
        refusing = {"alpha_vantage": "quota", "polygon": "bad_key", "alpaca": "bad_key", "sec": "bad_key"}
        for name, kind in refusing.items():
            gym.set_faults(FaultPlan(always={"*": kind}), name)
        tried = [("sources", "test", name) for name in refusing]
        told = [("repair", "--days", "90"), ("sources",), ("sources", "--json")]
        refused = run(root, gym, GYM_KEYS, *tried, *told)
    assert (root / PLACE).exists()
    assert leaks([("collected", collected), ("refused", refused)], GYM_KEYS) == []
    assert leaks(kept(root), GYM_KEYS) == []


def test_vendors_that_repeat_all_leave_no_secret(root: Path) -> None:
    """
    Keys of odd characters, repeated by the vendors as text, in addresses, HTML, JSON and base64, in bodies, headers and
    redirects: after two updates and a try of each source none of their forms is kept or said.
    """
    with serve(truth=truth(), now=NOW, vendors=echoing_vendors) as gym:
        said = [(f"update {turn}", run(root, gym, ODD_KEYS, ("update",))) for turn in range(2)]
        echoes = [one for one in gym.vendors if isinstance(one, Echo)]
        asked = [one.asked for one in echoes]
        tried = [("sources", "test", one.name) for one in echoes for _ in range(4)]
        said.append(("tried", run(root, gym, ODD_KEYS, *tried, ("sources",))))
        assert all(one.asked >= before + 4 for one, before in zip(echoes, asked, strict=True))
    assert leaks(said, ODD_KEYS) == []
    assert leaks(kept(root), ODD_KEYS) == []
    # The echo was there to be taken out.
    assert any(b"REDACTED" in body for _, body in kept(root))


@pytest.mark.parametrize("where", ["_payload", "_call", "_count", "fetch"])
def test_crash_tells_no_secret(root: Path, where: str) -> None:
    """A process that ends in a traceback shows no key in it, and neither does what it leaves behind or says next."""
    with serve(truth=truth(), now=NOW, vendors=echoing_vendors) as gym:
        said = [("crash", run(root, gym, ODD_KEYS, ("update",), crash=where))]
        assert b"this was not foreseen" in said[0][1]
        assert open_runs(root)
        said.append(("after", run(root, gym, ODD_KEYS, ("update",))))
    assert leaks(said, ODD_KEYS) == []
    assert leaks(kept(root), ODD_KEYS) == []


def test_what_holds_keys_does_not_print_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings, the book of sources and a client show no key when printed, as a debugger or an error report would."""
    for name, value in ODD_KEYS.items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    book = SourceBook.open(settings)
    with book.client(lambda: NOW) as client:
        shown = [repr(one) for one in (settings, book, client, *client.__dict__.values())]
    assert leaks([(text[:40], text.encode()) for text in [*shown, str(settings)]], ODD_KEYS) == []
