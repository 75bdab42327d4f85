"""Run by Nautilus Trader's own interpreter: prints the bars and instruments of a data catalog as JSON."""

from __future__ import annotations

import json
import sys

from nautilus_trader.persistence.catalog import ParquetDataCatalog

catalog = ParquetDataCatalog(sys.argv[1])
bars = [
    [
        str(bar.bar_type),
        bar.ts_event,
        bar.ts_init,
        *(str(value.as_decimal()) for value in (bar.open, bar.high, bar.low, bar.close, bar.volume)),
        bar.close.precision,
    ]
    for bar in catalog.bars()
]
instruments = [
    [str(one.id), str(one.raw_symbol), one.price_precision, str(one.price_increment), one.size_precision]
    for one in catalog.instruments()
]
one = bars[0][0]
some = len(catalog.bars(bar_types=[one]))
print("\n" + json.dumps({"bars": bars, "instruments": instruments, "of_one": [one, some]}))
