"""
What was measured, as tables: printed, and written as docs/benchmarks.md.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from reads.running import PEERS
from reads.tasks import BY_NAME, TASKS

_IMPORT, _CLOSES, _EXPORT = 0.05, 1.3, 1024
"""Seconds more than a bare interpreter; times the answer; MB."""
Found = dict[str, Any]
"""By part: `parameters`, `about`, `tasks`, `append`, `cold`, `threads`, `memory`, `growth`."""
_INTRO = """# Benchmarks: reading

Written by `python bench/reading.py`; not to be edited. One command makes the data, loads every store with them, asks
all of them the same in turn, and compares what they answer: a time is told only where rows and sums agree with ours.

Times are medians of warm calls; in brackets, how many times as long as marketkeep. Every store answers in the fastest
of its ways (the way is named where it has several), is held by a process of its own that stays warm, and times only
the call. marketkeep's cache of results is off. A call is a different one each time where the task has several
(symbols, years, sessions).
"""
_NOTES = """
What each store holds: **ArcticDB** a frame a symbol, and each field once more as one wide frame; a list of symbols is
read as a batch, whose frames count as the answer without being put together. **Qlib** its own binary files (float32);
neither its disk caches nor its cache in memory answer. **DuckDB** Parquet, a file a year, sorted by symbol and date.
**pandas** a CSV a symbol; only what it does in sensible time. **PostgreSQL** a table loaded by COPY with its key on
(symbol, date) and an index on date, read through ADBC as Arrow. Fields asked for are open, high, low, close, volume.
"""


def machine() -> str:
    """Processor, cores, memory, system and Python, in a line."""
    cpu = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    memory = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    cores = len(os.sched_getaffinity(0))
    system = f"{platform.system()} {platform.release().partition('-')[0]}"
    return f"{cpu}, {cores} cores, {memory / 2**20:.0f} GB, {system}, Python {platform.python_version()}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def document(found: Found) -> str:
    """The whole of docs/benchmarks.md."""
    facts = found["parameters"]
    about = ", ".join(found["about"][name] for name in PEERS if name in found["about"])
    parts = [
        _INTRO,
        _data(facts),
        f"Command: `{facts['command']}`\n\nVersions: {about}.\n\nMachine: {machine()}.\n",
        "## Reads\n",
        *_reads(found),
        _NOTES,
        *_goals(found),
        *_append(found),
        *_cold(found),
        *_threads(found),
        *_memory(found),
        *_growth(found),
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _data(facts: Found) -> str:
    return (
        f"Data: {facts['symbols']:,} symbols x {facts['sessions']:,} sessions ({facts['rows']:,} daily bars), minutes "
        f"of {facts['minute_year']} symbols for a year and of {facts['minute_month']} for a month, "
        f"statements of {facts['companies']} companies.\n"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its columns in line."""
    every = [list(head), *(list(row) for row in rows)]
    widths = [max(len(row[at]) for row in every) for at in range(len(head))]
    lines = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |" for row in every
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def duration(seconds: float) -> str:
    """Three digits, in ms or s."""
    if seconds >= 10:
        return f"{seconds:.1f} s"
    if seconds >= 1:
        return f"{seconds:.2f} s"
    digits = 0 if seconds >= 0.1 else 1 if seconds >= 0.01 else 2
    return f"{seconds * 1000:.{digits}f} ms"


def times(ratio: float) -> str:
    """A ratio, short."""
    return f"{ratio:.0f}x" if ratio >= 20 else f"{ratio:.1f}x" if ratio >= 2 else f"{ratio:.2f}x"


def best(ways: Sequence[Found], peer: str, way: str = "") -> Found | None:
    """A peer's fastest way among those whose answers agree; of one beginning so, when it is named."""
    mine = [one for one in ways if one["peer"] == peer and one["agrees"] and one["way"].startswith(way)]
    return min(mine, key=lambda one: float(one["median"]), default=None)


def _cell(ways: Sequence[Found], peer: str) -> str:
    mine, ours = best(ways, peer), best(ways, "ours")
    if mine is None:
        return "answers otherwise" if any(one["peer"] == peer for one in ways) else ""
    several = len([one for one in ways if one["peer"] == peer]) > 1
    text = duration(mine["median"]) + (f", {mine['way']}" if several else "")
    return text if peer == "ours" or ours is None else f"{text} ({times(mine['median'] / ours['median'])})"


def _names(found: Found) -> list[tuple[str, str]]:
    told = {name: text.split(" on ")[0].rsplit(" ", 1)[0] for name, text in found["about"].items()}
    shown = {"duck": "DuckDB, Parquet", "csvs": "pandas, CSV"}
    return [(name, shown.get(name, told[name])) for name in PEERS if name in told]


def _reads(found: Found) -> Iterator[str]:
    names = _names(found)
    rows = [
        [task.title, *(_cell(found["tasks"][task.name], name) for name, _ in names)]
        for task in TASKS
        if task.name in found["tasks"]
    ]
    yield _table(["Task", *(shown for _, shown in names)], rows)
    wide = best(found["tasks"].get("field", []), "arctic", "wide")
    each = best(found["tasks"].get("field", []), "arctic", "per symbol")
    if wide and each:
        yield (
            f"One field of all: ArcticDB takes {duration(wide['median'])} from its wide form and "
            f"{duration(each['median'])} from its frames a symbol."
        )


def goals(found: Found) -> list[tuple[str, str, str, bool]]:
    """What must hold: in words, what was asked for, what was measured, and whether it holds."""
    shown = dict(_names(found))
    told = []
    for name, ways in found["tasks"].items():
        for goal in BY_NAME[name].goals:
            ours, theirs = best(ways, "ours"), best(ways, goal.peer, goal.way)
            if ours and theirs:
                against = shown[goal.peer] + (f", {goal.way}" if goal.way else "")
                ratio = theirs["median"] / ours["median"]
                told.append(_ratio(f"{BY_NAME[name].title}, against {against}", goal.ratio, ratio))
    append = found.get("append", {})
    for way, asked in (("stores, published files too", 3.0), ("stores, without published files", 10.0)):
        if way in append.get("ours", {}) and "arctic" in append:
            ratio = min(append["arctic"].values()) / append["ours"][way]
            told.append(_ratio(f"Appending a session ({way}), against ArcticDB", asked, ratio))
    cold = found.get("cold", {})
    if "within" in cold.get("ours", {}) and "within" in cold.get("arctic", {}):
        ratio = cold["arctic"]["within"] / cold["ours"]["within"]
        told.append(_ratio("Import, open and first symbol, against ArcticDB", 1.7, ratio))
    if cold:
        more = cold["import"]["process"] - cold["bare"]["process"]
        told.append(("`import marketkeep` over a bare interpreter", "50 ms", duration(max(more, 0.0)), more <= _IMPORT))
    if memory := found.get("memory"):
        ratio = memory["closes"]["all"] / memory["closes"]["answer"]
        told.append(("Memory for the closes of all, by the answer's size", "1.30", f"{ratio:.2f}", ratio <= _CLOSES))
        most = memory["export"]["all"] / 2**20
        told.append(("Memory of a streamed export of everything", "1,024 MB", f"{most:,.0f} MB", most <= _EXPORT))
    return told


def _ratio(what: str, asked: float, ratio: float) -> tuple[str, str, str, bool]:
    return what, times(asked), times(ratio), ratio >= asked


def _goals(found: Found) -> Iterator[str]:
    if told := goals(found):
        yield "## What must hold\n"
        rows = [(what, asked, got, "yes" if holds else "**no**") for what, asked, got, holds in told]
        yield _table(["What", "Asked", "Measured", "Holds"], rows)


def _append(found: Found) -> Iterator[str]:
    if told := found.get("append"):
        yield "## Appending one session to every symbol\n"
        yield (
            "In the middle of a year. marketkeep's whole update takes in a raw batch, checks and resolves it, writes "
            "a JSON file a symbol, the panel's open year, the map and the catalog; below it what the stores do.\n"
        )
        names = dict(_names(found))
        rows = [(names[name], way, duration(seconds)) for name, ways in told.items() for way, seconds in ways.items()]
        yield _table(["Store", "How", "Time"], rows)


def _cold(found: Found) -> Iterator[str]:
    if told := found.get("cold"):
        yield "## Cold start\n"
        yield "A fresh process: import, open, all years of one symbol, its first row; the files are in memory.\n"
        rows = [
            (shown, duration(told[name]["within"])) for name, shown in _names(found) if "within" in told.get(name, {})
        ]
        yield _table(["Store", "Time"], rows)
        more = told["import"]["process"] - told["bare"]["process"]
        bare = duration(told["bare"]["process"])
        yield f"`import marketkeep` alone adds {duration(max(more, 0.0))} to a bare interpreter's {bare}."


def _threads(found: Found) -> Iterator[str]:
    if told := found.get("threads"):
        yield "## Reader threads\n"
        yield "All years of one symbol, a thread after another symbol; reads a second of all threads together.\n"
        counts = list(told["ours"])
        names = dict(_names(found))
        rows = [(names[name], *(f"{rates[count]:,.0f}" for count in counts)) for name, rates in told.items()]
        yield _table(["Store", *(f"{count} thread{'s' * (count != '1')}" for count in counts)], rows)


def _memory(found: Found) -> Iterator[str]:
    if told := found.get("memory"):
        closes, export = told["closes"], told["export"]
        mb = 2**20
        yield "## Memory\n"
        yield (
            f"The closes of the whole market as a matrix of {closes['answer'] / mb:,.0f} MB: at its peak the process "
            f"had {closes['own'] / mb:,.0f} MB more of its own than before ({closes['own'] / closes['answer']:.2f} "
            f"times the answer; {closes['all'] / closes['answer']:.2f} times with the pages of the map, which are the "
            "system's to take back).\n"
        )
        yield (
            f"A streamed Parquet export of every bar ({export['file'] / mb:,.0f} MB in {export['seconds']:.0f} s): "
            f"{export['own'] / mb:,.0f} MB of its own at the peak, {export['all'] / mb:,.0f} MB with the map's pages."
        )


def _growth(found: Found) -> Iterator[str]:
    if told := found.get("growth"):
        yield "## How cost grows\n"
        yield "The same with more symbols, daily bars alone; in brackets, against the first size.\n"
        sizes = list(told)
        names = dict(_names(found))
        rows = []
        for task in (task for task in TASKS if task.grows):
            for name, shown in names.items():
                cells = [best(told[size].get(task.name, []), name) for size in sizes]
                if any(cells):
                    base = cells[0]["median"] if cells[0] else None
                    text = [
                        ""
                        if one is None
                        else duration(one["median"]) + (f" ({times(one['median'] / base)})" if base else "")
                        for one in cells
                    ]
                    rows.append((task.title, shown, *text))
        yield _table(["Task", "Store", *(f"{int(size):,} symbols" for size in sizes)], rows)
