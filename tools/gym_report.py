"""
Write docs/quality-engine.md anew between its marks: what the checks find of known defects in the gym, and what not.

`make gym-report` runs it. It works in a folder of its own that it takes away again, and asks nobody on the network.
With a folder as argument the keeps are made in it, and stay to be looked at.
"""

from __future__ import annotations

import sys
import tempfile
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "quality-engine.md"


def main(arguments: list[str]) -> int:
    """Make the worlds, write the page and say what came of it; 1 when less was reached than must be."""
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "proofs")]
    # Libraries would tell of every attempt that the gym's faults make them repeat.
    import_module("stamina").instrumentation.set_on_retry_hooks([])
    seeded = import_module("seeded_report")
    with tempfile.TemporaryDirectory() as folder:
        # Scores read the keeps as they are asked for, so all is told before the folder goes.
        report = seeded.make_report(Path(arguments[0] if arguments else folder))
        PAGE.write_text(seeded.put_into(PAGE.read_text(encoding="utf-8"), report.markdown()), encoding="utf-8")
        for line in report.told():
            print(line)
        return 0 if report.reached else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
