"""Run by Qlib's own interpreter: prints what Qlib reads from a folder, as JSON in the last line."""

from __future__ import annotations

import json
import sys

import qlib
from qlib.data import D

FIELDS = ["$open", "$high", "$low", "$close", "$volume", "$factor", "$change", "$close/Ref($close,1)-1"]

qlib.init(provider_uri=sys.argv[1], region="us", kernels=1, expression_cache=None, dataset_cache=None)
markets = sys.argv[2:]
found = {
    name: {
        symbol: [[str(first.date()), str(last.date())] for first, last in spans]
        for symbol, spans in D.list_instruments(D.instruments(name)).items()
    }
    for name in markets
}
frame = D.features(D.instruments("all"), FIELDS)
rows = [
    [symbol, str(day.date()), *(None if value != value else float(value) for value in values)]  # noqa: PLR0124
    for (symbol, day), values in zip(frame.index, frame.to_numpy(), strict=True)
]
calendar = [str(day.date()) for day in D.calendar()]
print("\n" + json.dumps({"markets": found, "rows": rows, "calendar": calendar}))
