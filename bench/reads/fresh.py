"""
What needs a fresh process each time: the cold start, and how much memory an answer takes.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_BEGIN = "import time; begun = time.perf_counter()\n"
_END = "\nprint(time.perf_counter() - begun)"
_COLD = {
    "ours": "import marketkeep\nmarketkeep.open({store!r} + '/keep').bars('S00003').polars().row(0)",
    "arctic": (
        "from arcticdb import Arctic\n"
        "Arctic('lmdb://' + {store!r} + '/lmdb?map_size=60GB')['daily'].read('S00003').data.iloc[0]"
    ),
    "with_qlib": (
        "import qlib, logging\nfrom qlib.data import D\n"
        "qlib.init(provider_uri={store!r}, region='us', expression_cache=None, dataset_cache=None, "
        "logging_level=logging.ERROR)\n"
        "D.features(['S00003'], ['$open', '$high', '$low', '$close', '$volume']).iloc[0]"
    ),
    "duck": (
        "import duckdb\n"
        "duckdb.sql(\"select * from '\" + {store!r} + \"/daily-*.parquet' where symbol = 'S00003'\").fetchone()"
    ),
    "csvs": "import pandas\npandas.read_csv({store!r} + '/S00003.csv', parse_dates=['date']).iloc[0]",
}
_WATCHED = """
import re, threading, time
class Watch:
    def __enter__(self):
        self.before, self.most, self.over = self.now(), self.now(), False
        self.thread = threading.Thread(target=self.look); self.thread.start()
        return self
    def look(self):
        while not self.over:
            self.most = {{k: max(v, self.most[k]) for k, v in self.now().items()}}; time.sleep(0.002)
    def now(self):
        text = open('/proc/self/status').read()
        told = {{k: int(v) * 1024 for k, v in re.findall(r'(\\w+):\\s+(\\d+) kB', text)}}
        return {{'own': told['RssAnon'], 'all': told['VmRSS']}}
    def __exit__(self, *_):
        self.over = True; self.thread.join()
import marketkeep, json
from marketkeep.query.result_cache import RESULTS
RESULTS.limited(0)
keep = marketkeep.open({store!r} + '/keep')
keep.bars('S00003').polars(); keep.matrix('close', ['S00003', 'S00004']).numpy()
"""
_CLOSES = """
with Watch() as watch:
    values = keep.matrix('close', 'all').numpy()
print(json.dumps({{'answer': values.nbytes, **{{k: watch.most[k] - watch.before[k] for k in watch.most}}}}))
"""
_EXPORT = """
with Watch() as watch:
    begun = time.perf_counter()
    path = keep.bars(universe='all').parquet({target!r})
    took = time.perf_counter() - begun
print(json.dumps({{'file': path.stat().st_size, 'seconds': took, **watch.most}}))
"""


def cold(pythons: Mapping[str, Path], stores: Path, rounds: int) -> dict[str, dict[str, float]]:
    """
    By peer the median seconds of import, open and first row within a fresh process, and of the whole process.

    Under `import` and `bare` the whole process of `import marketkeep` alone and of an interpreter that does nothing.
    """
    codes = {
        name: (pythons[name], _BEGIN + code.format(store=str(stores / name)) + _END)
        for name, code in _COLD.items()
        if name in pythons
    }
    codes["import"] = (Path(sys.executable), "import marketkeep")
    codes["bare"] = (Path(sys.executable), "pass")
    taken: dict[str, dict[str, list[float]]] = {name: {"process": [], "within": []} for name in codes}
    for number in range(rounds + 1):
        for name, (python, code) in codes.items():
            begun = time.perf_counter()
            done = subprocess.run([python, "-c", code], check=False, capture_output=True, text=True)
            if done.returncode:
                continue
            # The first round brings everybody's files into memory.
            if number:
                taken[name]["process"].append(time.perf_counter() - begun)
                if done.stdout.strip():
                    taken[name]["within"].append(float(done.stdout.split()[-1]))
    return {name: {of: statistics.median(some) for of, some in one.items() if some} for name, one in taken.items()}


def memory(store: Path) -> dict[str, dict[str, float]]:
    """What the closes of the whole market and a Parquet export of everything take, in bytes and seconds."""
    with tempfile.TemporaryDirectory() as folder:
        target = str(Path(folder) / "bars.parquet")
        return {
            "closes": _python(_WATCHED + _CLOSES, store=str(store)),
            "export": _python(_WATCHED + _EXPORT, store=str(store), target=target),
        }


def _python(code: str, **values: Any) -> dict[str, float]:
    done = subprocess.run([sys.executable, "-c", code.format(**values)], check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
