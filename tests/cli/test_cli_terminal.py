"""The command line on a terminal, with a reader that leaves early, and when it is interrupted."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import time
from pathlib import Path

import polars as pl
import pytest
from command_line import COMMAND, environment, run

from gym import FaultPlan, serve
from marketkeep.cli import progress, show

ROWS = pl.DataFrame(
    {
        "symbol": ["AAPL"] * 100 + ["MSFT"] * 100,
        "date": [f"2024-{1 + day // 28:02d}-{1 + day % 28:02d}" for day in range(100)] * 2,
        "close": [100.25 + day for day in range(100)] * 2,
        "detail": ["a long story that has to be folded " * 4] * 200,
        "source": ["csv"] * 200,
    }
)


def on_terminal(*arguments: str, columns: int, rows: int = 40) -> str:
    """What a command writes to a terminal of that size."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    env = environment(TERM="xterm", NO_COLOR="1")
    for name in ("COLUMNS", "LINES"):
        env.pop(name, None)
    with subprocess.Popen([*COMMAND, *arguments], stdin=slave, stdout=slave, stderr=slave, env=env):
        os.close(slave)
        told = b""
        try:
            while piece := os.read(master, 65536):
                told += piece
        except OSError:
            # Linux ends a terminal whose other side is closed with an error.
            pass
        finally:
            os.close(master)
    return told.decode().replace("\r\n", "\n")


def heed_interrupts() -> None:
    """A test run in the background passes on to its children that it ignores interrupts: undo that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables are shown as on a terminal of 60 columns."""
    monkeypatch.setattr(show, "OUT", show._Console(force_terminal=True, color_system=None, width=60, soft_wrap=True))


def test_long_answer_on_a_terminal(keep: Path, built: Path, tmp_path: Path) -> None:
    """A terminal gets the newest rows of a long answer and a word on the rest; `--all-rows` gives it everything."""
    from command_line import bars

    (tmp_path / "long.csv").write_text(bars(["NVDA"], count=100))
    assert run("ingest", tmp_path / "long.csv", "--data", keep).code == 0
    told = on_terminal("query", "NVDA", "--data", str(keep), columns=100)
    assert told.count("NVDA") == show.SHOWN
    assert "60 earlier rows left out; --all-rows" in told
    assert [line for line in told.splitlines() if len(line) > 100] == []
    everything = on_terminal("query", "NVDA", "--all-rows", "--data", str(keep), columns=72)
    assert everything.count("NVDA") == 100
    assert "not shown for want of width: source" in everything


def test_text_is_folded_and_spare_columns_go(terminal: None, capsys: pytest.CaptureFixture[str]) -> None:
    """On a narrow terminal spare columns are left out and named, and a long last column is folded, never cut."""
    show.frame_table(ROWS.select("symbol", "date", "source", "close", "detail").head(1), spare=["source"])
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["symbol", "date", "close", "detail"]
    assert lines[-1] == "not shown for want of width: source"
    assert all(len(line) <= 60 for line in lines)
    assert " ".join(" ".join(lines[:-1]).split()).count("a long story that has to be folded") == 4


def test_newest_rows_of_every_symbol(terminal: None, capsys: pytest.CaptureFixture[str]) -> None:
    """Of several symbols a terminal gets the newest rows of each."""
    show.frame_part(ROWS.select("symbol", "date", "close"), all_rows=False, newest=True)
    shown = capsys.readouterr().out
    assert (shown.count("AAPL"), shown.count("MSFT")) == (20, 20)
    assert shown.count("2024-04-16") == 2


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([1.0, 20.0, 3000.0], ["1", "20", "3,000"]),
        ([1.5, 2.25], ["1.50", "2.25"]),
        ([438.1799, 2.0], ["438.1799", "2.0000"]),
        ([0.00001234, 1.0], ["0.00001234", "1.00000000"]),
        ([None, 0.1 + 0.2], ["-", "0.30"]),
    ],
)
def test_places_suit_the_column(values: list[float | None], shown: list[str]) -> None:
    """Numbers of a column have as many places as the column needs, and no more."""
    assert show._cells(pl.Series(values)) == shown


def test_what_no_terminal_should_get() -> None:
    """Control characters from a file are written out, and an error stays on one line."""
    assert show.printable("a\x1b[31mred\nline\x00") == "a\\x1b[31mred line\\x00"


def test_log_lines_only_for_what_takes_time(capsys: pytest.CaptureFixture[str]) -> None:
    """Away from a terminal a stage tells each tenth once it takes longer than a moment; a quick one says nothing."""
    seconds = iter([0.0, *(0.1 * n for n in range(1, 11)), 0.0, *(float(n) for n in range(1, 11))])
    lines = progress.Lines(lambda: next(seconds))
    for _ in range(2):
        lines.begin("publish", 10)
        for _ in range(10):
            lines.step()
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 8
    assert told[-1].startswith("timestamp=")
    assert "event=progress stage=publish done=10 total=10 seconds=10" in told[-1]


def test_reader_that_leaves_early(built: Path) -> None:
    """`| head` ends a command quietly."""
    command = [*COMMAND, "query", "AAPL", "MSFT", "--json", "--data", str(built)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as child:
        assert child.stdout is not None
        child.stdout.close()
        assert child.stderr is not None
        assert child.stderr.read() == b""
        assert child.wait(30) == 0


def test_interrupted_while_a_source_is_silent(empty: Path) -> None:
    """Ctrl-C ends a command that waits for a silent server within two seconds, says how to go on and ends with 130."""
    with serve(6, 2) as gym:
        assert gym.truth is not None
        gym.set_faults(FaultPlan(always=dict.fromkeys(gym.truth.symbols, "hang"), hang_seconds=60))
        assert run("add-symbol", *gym.truth.symbols, "--start", "2024-01-02", "--data", empty).code == 0
        with subprocess.Popen(
            [*COMMAND, "update", "--source", "yahoo", "--data", str(empty)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(MARKETKEEP_GATEWAY=gym.url),
            preexec_fn=heed_interrupts,  # noqa: PLW1509  it calls one function and takes no lock
        ) as child:
            before = time.monotonic()
            while gym.count < 4 and time.monotonic() - before < 30:
                time.sleep(0.02)
            child.send_signal(signal.SIGINT)
            began = time.monotonic()
            out, err = child.communicate(timeout=30)
            assert time.monotonic() - began < 2
    assert (child.returncode, out) == (130, "")
    assert err == "interrupted: what had been received is kept; run the same command again to go on\n"
    assert not (empty / ".lease-holder").exists()
