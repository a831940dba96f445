"""A file into a trial: batch by batch, every fault with its line, and going on where it broke off.

Beside ``records.csv``, or in ``state_dir``, are ``records.csv.faults.csv``, the faults by line, and during an import
``records.csv.import.json``, how far it has come: the file's digest, the name of the run and counts, no value of the
file. A batch is noted once it is acknowledged. If a break comes in between, the batch is sent again with the same
Idempotency-Key, and the register answers with the report that it gave before: counts and faults are as without a break.
"""

import contextlib
import json
import os
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final
from uuid import uuid4

from rettevej_client.client import Client
from rettevej_client.files import Format, Line, Survey, format_of, read_lines, survey
from rettevej_client.push import BATCH_RECORDS, PushOptions
from rettevej_client.results import OUTCOMES, Acknowledged, Row, csv_of
from rettevej_client.tables import FileError

COLUMNS: Final = ("line", "field", "external_id", "outcome", "code", "meaning")
SHOWN_FAULTS: Final = 1_000
"""So many rejected lines are kept to be shown; the file of faults has all of them."""


@dataclass(frozen=True, slots=True)
class FaultLine:
    """What was said of one line: ``outcome`` is rejected, stale, or of a warning what became of the record."""

    line: int
    field: str
    external_id: str
    outcome: str
    code: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportJob:
    """One import. ``resume`` continues an interrupted import of this file, if there is one.

    ``sheet`` names the worksheet of a workbook that has several. ``state_dir`` is the folder of the checkpoint and the
    faults, by default that of the file.
    """

    file: Path
    kind: str
    trial: str
    format: Format | None = None
    dry_run: bool = False
    resume: bool = False
    batch_records: int = BATCH_RECORDS
    sheet: str | None = None
    state_dir: Path | None = None

    def companion(self, ending: str) -> Path:
        """Return the path of a file of this import: the checkpoint ``import.json`` or ``faults.csv``."""
        return (self.state_dir or self.file.parent) / f"{self.file.name}.{ending}"


@dataclass(slots=True)
class _Checkpoint:
    """How far an import has come."""

    digest: str
    kind: str
    trial: str
    batch_records: int
    name: str
    acknowledged: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    warnings: dict[str, int] = field(default_factory=dict)
    faults_size: int = 0
    """Bytes of the file of faults that belong to acknowledged batches."""

    def is_of(self, job: ImportJob, file: Survey) -> bool:
        mine = (self.digest, self.kind, self.trial, self.batch_records)
        return mine == (file.digest, job.kind, job.trial, job.batch_records)


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What became of a file. ``rejected`` has the first lines that were; all are in ``faults_file``, None without one.

    ``continued`` is how many records an earlier import had brought in already; they are in the counts.
    """

    received: int
    counts: dict[str, int]
    warnings: dict[str, int]
    rejected: list[FaultLine]
    faults_file: Path | None
    continued: int


def check_state_dir(folder: Path) -> None:
    """Raise FileError unless files can be created in a folder."""
    try:
        with NamedTemporaryFile(dir=folder):
            return
    except OSError:
        pass
    raise FileError(f"no file can be created in {folder}: name a folder for the state of the import with --state-dir")


def records_imported(job: ImportJob) -> int:
    """How many records of the file an import that broke off has brought in; 0 without one."""
    run = _stored(job, survey(job.file))
    return 0 if run is None else run.acknowledged


def import_file(
    client: Client, job: ImportJob, progress: Callable[[int, int], None] = lambda _done, _all: None
) -> ImportResult:
    """Sends a file. ``progress`` gets the records acknowledged and about how many there are, 0 where that cannot be
    told (Excel). Raises ``FileError`` and what ``Client.push`` raises; then the import can be resumed."""
    check_state_dir(job.companion("").parent)
    file = survey(job.file)
    stored = _stored(job, file) if job.resume and not job.dry_run else None
    run = stored or _Checkpoint(file.digest, job.kind, job.trial, job.batch_records, uuid4().hex)
    importer = _Importer(job, file, run, progress)
    client.push(job.trial, job.kind, importer.records(), importer.options())
    return importer.finish()


def _stored(job: ImportJob, file: Survey) -> _Checkpoint | None:
    """The import of this very file that broke off."""
    try:
        run = _Checkpoint(**json.loads(job.companion("import.json").read_text(encoding="utf-8")))
        whole = not run.faults_size or job.companion("faults.csv").stat().st_size >= run.faults_size
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return run if whole and run.is_of(job, file) else None


def _fault_lines(line: Line, rows: list[Row]) -> list[FaultLine]:
    """Return the faults of a line: the reader's own, and the register's of all other fields."""
    fields = {fault.field for fault in line.faults}
    external_id = next((row.external_id or "" for row in rows), "")
    return [
        FaultLine(line.number, fault.field, external_id, "rejected", fault.code, fault.meaning) for fault in line.faults
    ] + [
        FaultLine(line.number, row.field, row.external_id or "", row.outcome, row.code, row.meaning)
        for row in rows
        if "" not in fields and row.field.partition("/")[0] not in fields
    ]


class _Importer:
    def __init__(self, job: ImportJob, file: Survey, run: _Checkpoint, progress: Callable[[int, int], None]) -> None:
        self._job, self._file, self._run, self._progress = job, file, run, progress
        self._format = job.format or format_of(job.file)
        self._expected = {"csv": file.lines - 1, "ndjson": file.lines, "xlsx": 0}[self._format]
        self._continued = run.acknowledged
        self._pending_lines: deque[Line] = deque()
        self._rejected: list[FaultLine] = []
        self._faults = job.companion("faults.csv")
        self._begin_faults()

    def records(self) -> Iterator[object]:
        """The records that are not acknowledged yet; their lines are remembered until they are."""
        job = self._job
        lines = read_lines(job.file, job.kind, self._format, job.sheet)
        for place, line in enumerate(lines):
            if place >= self._continued:
                if place == self._continued and not job.dry_run:
                    self._keep()  # the name of the run, before anything is sent under it
                self._pending_lines.append(line)
                yield line.record

    def options(self) -> PushOptions:
        return PushOptions(
            dry_run=self._job.dry_run,
            batch_records=self._job.batch_records,
            on_batch=self._take,
            keep_rows=False,
            run=self._run.name,
            first=self._continued,
        )

    def finish(self) -> ImportResult:
        run = self._run
        with contextlib.suppress(FileNotFoundError):
            self._job.companion("import.json").unlink()
        if not run.faults_size:
            with contextlib.suppress(FileNotFoundError):
                self._faults.unlink()
        found = self._faults if run.faults_size else None
        return ImportResult(run.acknowledged, run.counts, run.warnings, self._rejected, found, self._continued)

    def _begin_faults(self) -> None:
        """Cuts off what a batch that was not acknowledged has left in the file of faults, or all of an older file."""
        size = self._run.faults_size
        if size:
            os.truncate(self._faults, size)
        else:
            with contextlib.suppress(FileNotFoundError):
                self._faults.unlink()

    def _take(self, batch: Acknowledged) -> None:
        """Notes a batch: first its faults, then that it is done."""
        rows: dict[int, list[Row]] = {}
        for row in batch.rows:
            rows.setdefault(row.index - batch.first, []).append(row)
        lines = [self._pending_lines.popleft() for _ in range(batch.records)]
        faults = [fault for place, line in enumerate(lines) for fault in _fault_lines(line, rows.get(place, []))]
        run = self._run
        self._append(faults)
        self._rejected += [each for each in faults if each.outcome == "rejected"][: SHOWN_FAULTS - len(self._rejected)]
        run.acknowledged += batch.records
        for outcome, count in batch.counts.items():
            run.counts[outcome] = run.counts.get(outcome, 0) + count
        warned = Counter(each.code for each in faults if each.outcome not in ("rejected", "stale"))
        run.warnings = dict(Counter(run.warnings) + warned)
        if not self._job.dry_run:
            self._keep()
        self._progress(run.acknowledged, self._expected)

    def _append(self, faults: list[FaultLine]) -> None:
        if not faults:
            return
        header = None if self._run.faults_size else COLUMNS
        rows: Iterator[list[Any]] = ([getattr(each, name) for name in COLUMNS] for each in faults)
        with self._faults.open("ab") as file:
            file.write(csv_of(header, rows).encode("utf-8"))
            self._run.faults_size = file.tell()

    def _keep(self) -> None:
        path = self._job.companion("import.json")
        part = path.with_name(f"{path.name}.part")
        part.write_text(json.dumps(asdict(self._run), indent=1), encoding="utf-8")
        part.replace(path)
