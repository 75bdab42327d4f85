"""
A file's rows as blocks of texts, in bounded memory, and the line a row stands on.

Fields are never given a type here: `NA`, `NULL`, `TRUE` and `INF` are tickers. Lines are found by a second, slow pass
over the file, made only when something is wrong.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Generator, Iterator, Sequence

import polars as pl
import pyarrow as pa
from pyarrow import csv as arrow_csv

from marketkeep.errors import BadFile
from marketkeep.sources.files.form import FileForm
from marketkeep.sources.files.opener import Stream, opened

# Small enough to stay in a core's cache; a line must fit into one.
_PARSED_BYTES = 1 << 20


def blocks(name: str, stream: Stream, form: FileForm, keys: Sequence[str], chunk_rows: int) -> Generator[pl.DataFrame]:
    """
    Frames of `chunk_rows` rows (the last one fewer) with our columns `keys`, all of them texts.

    Raises `BadFile` with its line where a line has too few or too many fields.
    """
    try:
        with opened(name, stream) as (file, _), _reader(file, form, keys) as reader:
            yield from _regrouped(reader, list(keys), chunk_rows)
    except pa.ArrowInvalid as error:
        refused = error
    else:
        return
    raise _explained(name, stream, form, refused)


def line_of(name: str, stream: Stream, form: FileForm, row: int) -> int:
    """The 1-based line of a row, counted from 0 behind the header."""
    for at, (line, _) in enumerate(_lines(name, stream, form)):
        if at == row:
            return line
    raise IndexError(f"{name} has no row {row}")


def _reader(file: object, form: FileForm, keys: Sequence[str]) -> arrow_csv.CSVStreamingReader:
    names = [f"f{place}" for place in range(form.width)]
    wanted = [names[form.positions[key]] for key in keys]
    return arrow_csv.open_csv(
        file,
        read_options=arrow_csv.ReadOptions(column_names=names, skip_rows=form.skip, block_size=_PARSED_BYTES),
        parse_options=arrow_csv.ParseOptions(delimiter=form.delimiter),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(wanted, pa.string()), include_columns=wanted, strings_can_be_null=False
        ),
    )


def _regrouped(reader: arrow_csv.CSVStreamingReader, keys: list[str], chunk_rows: int) -> Iterator[pl.DataFrame]:
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in reader:
        held.append(batch)
        rows += batch.num_rows
        while rows >= chunk_rows:
            table = pa.Table.from_batches(held)
            yield _frame(table.slice(0, chunk_rows), keys)
            held, rows = table.slice(chunk_rows).to_batches(), rows - chunk_rows
    if rows:
        yield _frame(pa.Table.from_batches(held), keys)


def _frame(table: pa.Table, keys: list[str]) -> pl.DataFrame:
    frame = pl.from_arrow(table, rechunk=True)
    if not isinstance(frame, pl.DataFrame):
        raise TypeError("a table of columns becomes a frame")
    frame.columns = keys
    return frame


def _lines(name: str, stream: Stream, form: FileForm) -> Iterator[tuple[int, str]]:
    with opened(name, stream) as (file, _):
        # Surrogates keep what is not UTF-8 visible without stopping the count.
        text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline=None)
        try:
            for number, line in enumerate(text, 1):
                plain = line.removesuffix("\n")
                if number > form.skip and plain:
                    yield number, plain
        finally:
            text.detach()


def _explained(name: str, stream: Stream, form: FileForm, error: pa.ArrowInvalid) -> BadFile:
    for number, line in _lines(name, stream, form):
        if not line.isprintable() and any("\udc80" <= letter <= "\udcff" for letter in line):
            return BadFile(name, "not UTF-8 text", line=number)
        fields = next(csv.reader([line], delimiter=form.delimiter))
        if len(fields) != form.width:
            return BadFile(name, f"{len(fields)} fields where the header has {form.width}", line=number)
    return BadFile(name, f"not a table: {error}")
