"""What became of the records of a push, as a table."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rettevej_client.batches import Batch
from rettevej_client.meanings import explained, meaning_of

OUTCOMES: Final = ("created", "updated", "unchanged", "stale", "retracted", "rejected")
_RISKY: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that the register said of one record; a record with three faults has three rows.

    ``index`` is the place in the whole input, from 0; ``field`` the field meant, empty for the record as a whole;
    ``meaning`` the code in words.
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
    """The counts by outcome, and a row for everything that was not plainly stored."""

    received: int
    counts: Mapping[str, int]
    rows: Sequence[Row] = field(repr=False)
    batch_ids: Sequence[str] = field(repr=False)
    dry_run: bool = False

    @property
    def rejected(self) -> list[Row]:
        """Why records were not stored."""
        return [row for row in self.rows if row.outcome == "rejected"]

    @property
    def stale(self) -> list[Row]:
        """Records of which the register has a higher revision."""
        return [row for row in self.rows if row.outcome == "stale"]

    @property
    def warnings(self) -> list[Row]:
        """What the rules say of records that were stored."""
        return [row for row in self.rows if row.outcome not in ("rejected", "stale")]

    def to_csv(self, path: str | Path | None = None) -> str:
        """The rows as CSV, UTF-8, written to ``path`` where one is given; nothing in it that a spreadsheet runs."""
        text = csv_of(COLUMNS, ([getattr(row, name) for name in COLUMNS] for row in self.rows))
        if path is not None:
            Path(path).write_text(text, encoding="utf-8", newline="")
        return text


def csv_of(header: Sequence[str] | None, rows: Iterator[list[Any]]) -> str:
    """Lines of CSV (RFC 4180). Text that a spreadsheet would take for a formula begins with an apostrophe."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    if header is not None:
        writer.writerow(header)
    for row in rows:
        writer.writerow([f"'{each}" if isinstance(each, str) and each.startswith(_RISKY) else each for each in row])
    return out.getvalue()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a push has come: what the register has acknowledged."""

    batches: int
    records: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """One batch that the register has answered: from then on it is on disk, and in every report (not of a dry run)."""

    first: int
    records: int
    counts: Mapping[str, int]
    rows: Sequence[Row]
    batch_id: str | None


def acknowledged(kind: str, batch: Batch, report: Mapping[str, Any]) -> Acknowledged:
    """A batch with its report, places counted in the whole input."""
    rows = [row for result in report["results"] for row in _rows(kind, batch.first, result)]
    return Acknowledged(batch.first, batch.records, dict(report["counts"]), rows, report["batch_id"])


def refused_here(index: int, code: str) -> Acknowledged:
    """A record that was not even sent, as if it had been rejected."""
    row = Row(index, None, "rejected", "", code, meaning_of(code))
    return Acknowledged(index, 1, {"rejected": 1}, [row], None)


def _rows(kind: str, first: int, result: Mapping[str, Any]) -> Iterator[Row]:
    index, external_id, outcome = first + result["index"], result["external_id"], result["outcome"]
    if outcome == "stale":
        yield Row(index, external_id, outcome, "revision", "stale", meaning_of("stale"))
    for fault in result.get("errors", ()):
        name = fault["pointer"].removeprefix(f"/records/{result['index']}").removeprefix("/")
        yield Row(index, external_id, outcome, name, fault["code"], explained(kind, name, fault["code"]))
    for code in result.get("warnings", ()):
        yield Row(index, external_id, outcome, "", code, meaning_of(code, warning=True))


class Tally:
    """The result of a push as it grows."""

    def __init__(self, *, dry_run: bool, keep_rows: bool = True) -> None:
        self._dry_run = dry_run
        self._keep_rows = keep_rows
        self._batches = 0
        self._records = 0
        self._counts: Counter[str] = Counter()
        self._rows: list[Row] = []
        self._batch_ids: list[str] = []

    def add(self, batch: Acknowledged) -> Progress:
        """Takes a batch in, and tells how far it has come."""
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
        """What has been taken in so far."""
        return PushResult(
            self._records, self._by_outcome(), tuple(self._rows), tuple(self._batch_ids), dry_run=self._dry_run
        )
