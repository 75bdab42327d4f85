"""Run by zipline's own interpreter: ingests a csvdir bundle, prints what zipline makes of it as JSON."""

from __future__ import annotations

import json
import os
import sys
import warnings

folder, root, *symbols = sys.argv[1:]
os.environ["ZIPLINE_ROOT"] = root

import pandas as pd  # noqa: E402
from zipline.data import bundles  # noqa: E402
from zipline.data.data_portal import DataPortal  # noqa: E402
from zipline.utils.calendar_utils import get_calendar  # noqa: E402

text = open(f"{folder}/extension.py", encoding="ascii").read()  # noqa: PTH123, SIM115
exec(text.replace("/path/of/this/folder", folder))  # noqa: S102  # the file that we tell users to copy
# What does not fit zipline makes 0 of, with a warning.
warnings.filterwarnings("error", message="Ignoring")
bundles.ingest("marketkeep", show_progress=False)
bundle = bundles.load("marketkeep")
calendar = get_calendar("NYSE")
told = {}
for symbol in symbols:
    asset = bundle.asset_finder.lookup_symbol(symbol, as_of_date=None)
    days = calendar.sessions_in_range(asset.start_date, asset.end_date)
    portal = DataPortal(
        bundle.asset_finder,
        trading_calendar=calendar,
        first_trading_day=bundle.equity_daily_bar_reader.first_trading_day,
        equity_daily_reader=bundle.equity_daily_bar_reader,
        adjustment_reader=bundle.adjustment_reader,
    )
    closes = portal.get_history_window([asset], days[-1], len(days), "1d", "close", "daily")[asset]
    raw = {
        field: bundle.equity_daily_bar_reader.load_raw_arrays([field], days[0], days[-1], [asset.sid])[0][:, 0].tolist()
        for field in ("open", "high", "low", "close", "volume")
    }
    steps = {
        kind: [
            [str(day.date()), ratio] for day, ratio in bundle.adjustment_reader.get_adjustments_for_sid(kind, asset.sid)
        ]
        for kind in ("splits", "dividends")
    }
    told[symbol] = {
        "steps": steps,
        "days": [str(day.date()) for day in days],
        "adjusted": [None if pd.isna(close) else close for close in closes],
        "raw": {name: [None if pd.isna(one) else one for one in values] for name, values in raw.items()},
    }
print("\n" + json.dumps(told))
