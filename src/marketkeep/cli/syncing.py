"""
The command that copies a keep to another place: sync.
"""

from __future__ import annotations

from typing import Annotated

import typer

from marketkeep.cli.app import INTERRUPTED, app, files_of, settings
from marketkeep.cli.headings import LOOK_AFTER
from marketkeep.cli.progress import progress
from marketkeep.cli.show import ERR, say
from marketkeep.pipeline.sync import sync as copy_keep

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


@app.command(rich_help_panel=LOOK_AFTER)
def sync(
    source: Annotated[str, typer.Argument(metavar="FROM", help="The keep: a folder, or s3://bucket/prefix.")],
    target: Annotated[
        str, typer.Argument(metavar="TO", help="Where it is copied to, an earlier copy or nothing: likewise.")
    ],
) -> None:
    """Copy what differs of a keep to another place. Cut short, run it again; what only TO holds is never lost."""
    chosen = settings(None)
    try:
        with progress() as watch:
            done = copy_keep(files_of(chosen, source), files_of(chosen, target), watch)
    except KeyboardInterrupt:
        ERR.print("interrupted: what was copied stays; run the same command again to go on")
        raise typer.Exit(INTERRUPTED) from None
    removed = f", {done.removed:,} that the source has no more removed" if done.removed else ""
    say(f"{done.copied:,} files copied ({_size(done.bytes)}), {done.same:,} were the same{removed}")


def _size(count: float) -> str:
    for unit in _UNITS[:-1]:
        if count < 1000:
            return f"{count:,.0f} {unit}" if unit == _UNITS[0] else f"{count:,.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} {_UNITS[-1]}"
