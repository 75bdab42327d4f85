"""
One peer in a process and an environment of its own, asked over stdin and stdout, a JSON object a line.

It stays warm between questions, and it times itself: only the call that gives the answer. What the answer holds is
looked at afterwards, so that nobody is timed on a wrong one. Needs nothing but the standard library and its peer.

    python worker.py PEER STORE DATA
"""

from __future__ import annotations

import gc
import importlib
import json
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

Call = Callable[..., Any]
READS_OF_A_THREAD = 50


def answer(peer: Any, asked: dict[str, Any]) -> dict[str, Any]:
    """What the peer has to say to one question: `load`, `open`, `ways`, `time` or `threads`."""
    what = asked["what"]
    if what == "load":
        begun = time.perf_counter()
        peer.load()
        return {"seconds": time.perf_counter() - begun}
    if what == "open":
        peer.open()
        return {"about": peer.about(), "ways": {task: list(ways) for task, ways in peer.ways().items()}}
    call = peer.ways()[asked["task"]][asked["way"]]
    if what == "threads":
        return {"seconds": _threads(call, asked["calls"], asked["threads"])}
    if what == "append":
        return _appended(peer, call, Path(asked["rows"]), begin=asked["begin"])
    return _timed(peer, call, asked)


def _timed(peer: Any, call: Call, asked: dict[str, Any]) -> dict[str, Any]:
    seconds, found = [], []
    for arguments in asked["calls"]:
        gc.collect()
        begun = time.perf_counter()
        got = call(**arguments)
        seconds.append(time.perf_counter() - begun)
        found.append(peer.look(asked["task"], got))
        del got
    return {"seconds": seconds, "found": found}


def _appended(peer: Any, call: Call, path: Path, *, begin: bool) -> dict[str, Any]:
    """Append rows of a Parquet file, read beforehand: to begin with, or as what is timed."""
    import polars as pl  # noqa: PLC0415  only who appends needs it

    rows = pl.read_parquet(path)
    gc.collect()
    begun = time.perf_counter()
    if begin:
        peer.begin(rows)
    elif call(rows) != rows.height:
        raise ValueError("not all rows were appended")
    return {"seconds": time.perf_counter() - begun}


def _threads(call: Call, calls: list[dict[str, Any]], threads: int) -> float:
    """Seconds until each of so many threads has made its calls, all begun at once."""
    start = threading.Barrier(threads + 1)
    failed: list[Exception] = []

    def read(number: int) -> None:
        start.wait()
        try:
            for at in range(READS_OF_A_THREAD):
                call(**calls[(number * 7 + at) % len(calls)])
        except Exception as error:  # noqa: BLE001  told by the thread that asked
            failed.append(error)

    readers = [threading.Thread(target=read, args=(number,)) for number in range(threads)]
    for one in readers:
        one.start()
    start.wait()
    begun = time.perf_counter()
    for one in readers:
        one.join()
    seconds = time.perf_counter() - begun
    if failed:
        raise failed[0]
    return seconds


def main(answers: TextIO) -> None:
    """Answer until nobody asks any more."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    name, store, data = sys.argv[1:4]
    peer = importlib.import_module(f"reads.peers.{name}").Peer(Path(store), Path(data))
    try:
        for line in sys.stdin:
            try:
                told = answer(peer, json.loads(line))
            except Exception:  # noqa: BLE001  told to who asked
                told = {"error": traceback.format_exc(limit=-3)}
            answers.write(json.dumps(told) + "\n")
            answers.flush()
    finally:
        peer.close()


if __name__ == "__main__":
    # What a library prints is none of the answers.
    true_stdout = sys.stdout
    sys.stdout = sys.stderr
    main(true_stdout)
