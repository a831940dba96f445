"""Result of a push: counts by outcome, and a table of faults and warnings."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rettevej_client.batches import Batch
from rettevej_client.descriptions import STALE, TOO_LARGE, describe_warning

OUTCOMES: Final = ("created", "updated", "unchanged", "stale", "retracted", "rejected")
_CONTROL_STARTS: Final = ("\t", "\r", "\n")
_FORMULA_START: Final = re.compile(r"(^|[;,|\t\r\n])(\s*)(?=[=+\-@])")
"""A spreadsheet that splits at another sign than ours would run what follows that sign."""


@dataclass(frozen=True, slots=True)
class Row:
    """One fault or warning of one record; a record with three faults has three rows.

    ``index`` is the position in the whole input, from 0. ``field`` is empty for the record as a whole. ``meaning``
    says what would be valid, in the register's words.
    """

    index: int
    external_id: str | None
    outcome: str
    field: str
    code: str
    meaning: str

    @property
    def pointer(self) -> str:
        """The field as a JSON pointer within the record."""
        return f"/{self.field}" if self.field else ""


COLUMNS: Final = ("index", "external_id", "outcome", "pointer", "code", "meaning")


@dataclass(frozen=True, slots=True)
class PushResult:
    """Counts by outcome, and a row for every fault and warning."""

    received: int
    counts: Mapping[str, int]
    rows: Sequence[Row] = field(repr=False)
    batch_ids: Sequence[str] = field(repr=False)
    dry_run: bool = False

    @property
    def rejected(self) -> list[Row]:
        """Rows of records that were not stored."""
        return [row for row in self.rows if row.outcome == "rejected"]

    @property
    def stale(self) -> list[Row]:
        """Rows of records of which the register has a higher revision."""
        return [row for row in self.rows if row.outcome == "stale"]

    @property
    def warnings(self) -> list[Row]:
        """Warnings of records that were stored."""
        return [row for row in self.rows if row.outcome not in ("rejected", "stale")]

    def to_csv(self, path: str | Path | None = None) -> str:
        """Return the rows as CSV, and write them to ``path`` in UTF-8 if it is given. No cell is a formula."""
        text = csv_of(COLUMNS, ([getattr(row, name) for name in COLUMNS] for row in self.rows))
        if path is not None:
            Path(path).write_text(text, encoding="utf-8", newline="")
        return text


def csv_of(header: Sequence[str] | None, rows: Iterator[list[Any]]) -> str:
    """Format CSV (RFC 4180). An apostrophe precedes text that a spreadsheet would run as a formula."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    if header is not None:
        writer.writerow(header)
    for row in rows:
        writer.writerow([_without_formula(cell) for cell in row])
    return out.getvalue()


def _without_formula(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    text = _FORMULA_START.sub(r"\1\2'", cell)
    return f"'{text}" if text.startswith(_CONTROL_STARTS) else text


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a push: what the register has acknowledged."""

    batches: int
    records: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Acknowledged batch: it is on disk and in every later report, unless it is of a dry run."""

    first: int
    records: int
    counts: Mapping[str, int]
    rows: Sequence[Row]
    batch_id: str | None


def parse_report(batch: Batch, report: Mapping[str, Any]) -> Acknowledged:
    """Parse the report of a batch, with positions in the whole input."""
    rows = [row for result in report["results"] for row in _rows(batch.first, result)]
    return Acknowledged(batch.first, batch.records, dict(report["counts"]), rows, report["batch_id"])


def rejected_locally(index: int) -> Acknowledged:
    """Return the rejection of a record that is larger than a batch may be, and that the client does not send."""
    row = Row(index, None, "rejected", "", "too_large", TOO_LARGE)
    return Acknowledged(index, 1, {"rejected": 1}, [row], None)


def _rows(first: int, result: Mapping[str, Any]) -> Iterator[Row]:
    index, external_id, outcome = first + result["index"], result["external_id"], result["outcome"]
    if outcome == "stale":
        yield Row(index, external_id, outcome, "revision", "stale", STALE)
    for fault in result.get("errors", ()):
        name = fault["pointer"].removeprefix(f"/records/{result['index']}").removeprefix("/")
        yield Row(index, external_id, outcome, name, fault["code"], fault.get("meaning", fault["code"]))
    for code in result.get("warnings", ()):
        yield Row(index, external_id, outcome, "", code, describe_warning(code))


class ResultBuilder:
    """Accumulator of a push's result."""

    def __init__(self, *, dry_run: bool, keep_rows: bool = True) -> None:
        self._dry_run = dry_run
        self._keep_rows = keep_rows
        self._batches = 0
        self._records = 0
        self._counts: Counter[str] = Counter()
        self._rows: list[Row] = []
        self._batch_ids: list[str] = []

    def add(self, batch: Acknowledged) -> Progress:
        """Add a batch, and return the progress."""
        self._batches += 1
        self._records += batch.records
        self._counts.update(batch.counts)
        if self._keep_rows:
            self._rows += batch.rows
        if batch.batch_id is not None:
            self._batch_ids.append(batch.batch_id)
        return Progress(self._batches, self._records, self._by_outcome())

    def _by_outcome(self) -> dict[str, int]:
        return {outcome: self._counts[outcome] for outcome in OUTCOMES}

    def result(self) -> PushResult:
        """Return the result of the batches added so far."""
        return PushResult(
            self._records, self._by_outcome(), tuple(self._rows), tuple(self._batch_ids), dry_run=self._dry_run
        )
