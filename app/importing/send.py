"""Import of an extract: one snapshot for each part, with a checkpoint beside the file."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx
from rettevej_client import RetryPolicy
from rettevej_client.importing import check_state_dir
from rettevej_client.tables import FileError

from app.importing.extract import ExtractLine, Part, parts_of, read_extract
from app.importing.mapping import ImportFaultError

RETRY_POLICY = RetryPolicy(first_pause=0.25, longest_pause=15.0)
RETRYABLE = frozenset({429, 503})
_HELD_COUNTS = ("unreadable", "stored", "removed", "people_without_spells")
UNKNOWN = "unknown_participant"
"""Code of people outside the trial: normal in a register's file."""


@dataclass(frozen=True, slots=True)
class Job:
    """One import."""

    file: Path
    mapping: Path | None
    trial: str
    jobcentres: Sequence[str]
    """Codes; empty: every jobcentre of the trial that is in the file."""
    first: date
    last: date
    dry_run: bool
    accept_removals: int | None = None
    """Of each part, how many stored records may be taken back; None: the register's own limit."""
    sheet: str | None = None
    """Worksheet of a workbook that has several."""
    state_dir: Path | None = None
    """Folder of the checkpoint; None: that of the file."""

    @property
    def checkpoint(self) -> Path:
        """Path of the checkpoint."""
        return (self.state_dir or self.file.parent) / f"{self.file.name}.import.json"


@dataclass(frozen=True, slots=True)
class HeldPart:
    """Part of which nothing was applied: why, what would have been, and what would have been taken back."""

    name: str
    reasons: Sequence[str]
    counts: Mapping[str, int]
    unreadable: int
    stored: int
    removed: int
    people_without_spells: int


@dataclass(slots=True)
class ImportOutcome:
    """Outcome of an import: counts of outcomes, records of people outside the trial, faults by line of the file."""

    counts: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    left_out: int = 0
    faults: dict[int, set[str]] = field(default_factory=dict)
    identical: list[int] = field(default_factory=list)
    """Lines that are identical to an earlier one: one spell."""
    held: list[HeldPart] = field(default_factory=list)
    continued: int = 0
    """Parts that an interrupted import had sent before."""


class Progress:
    """Progress of an import. This one ignores it."""

    def begin(self, total: int) -> None:
        """Begin with ``total`` lines to send."""

    def advance(self, part: Part) -> None:
        """Count a part that the register has acknowledged."""


class Server:
    """Client of the API with retries by the client's policy; every request of an import is safe to repeat."""

    def __init__(self, http: httpx.Client, token: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}"}
        self._pause = pause

    def call(self, method: str, path: str, body: object = None, **parameters: str) -> Any:
        """Return the JSON of a response. Raises ImportFaultError for a refusal, or after the policy's last attempt."""
        failure = ""
        for attempt in range(RETRY_POLICY.attempts):
            if attempt:
                self._pause(RETRY_POLICY.pause(attempt))
            try:
                response = self._http.request(method, path, json=body, params=parameters, headers=self._headers)
            except httpx.TransportError as error:
                failure = type(error).__name__
                continue
            if response.status_code not in RETRYABLE:
                return _json_of(response)
            failure = f"status {response.status_code}"
        raise ImportFaultError(f"the register could not be reached: {failure}. What was acknowledged is remembered.")


def _json_of(response: httpx.Response) -> Any:
    if response.is_success:
        return response.json()
    try:
        code = response.json()["code"]
    except (ValueError, KeyError, TypeError):
        code = "no problem document"
    raise ImportFaultError(f"the register answered {response.status_code} ({code})")


def run(job: Job, server: Server, progress: Progress | None = None) -> ImportOutcome:
    """Send every part that was not acknowledged yet.

    Raises ImportFaultError; the next run continues after the last part that was acknowledged.
    """
    progress = progress or Progress()
    if job.first > job.last:
        raise ImportFaultError("--from is after --to")
    if not job.dry_run:
        _check_state_dir(job)
    content = job.file.read_bytes()
    mapping = _text_of(job.mapping)
    trial = server.call("GET", f"/v1/trials/{job.trial}")
    trial_codes = [jobcentre["code"] for jobcentre in trial["jobcentres"]]
    if unknown := sorted(set(job.jobcentres) - set(trial_codes)):
        raise ImportFaultError(f"{', '.join(unknown)} takes no part in {job.trial}")
    extract = read_extract(
        content,
        mapping,
        job.jobcentres or trial_codes,
        job.first,
        job.last,
        trial_codes=trial_codes,
        sheet=job.sheet,
    )
    if not (extract.lines or job.jobcentres):
        raise ImportFaultError("no line of the file is of the trial's jobcentres and of the span; nothing was sent")
    file_codes = {line.jobcentre for line in extract.lines}
    jobcentres = job.jobcentres or [code for code in trial_codes if code in file_codes]
    result = ImportOutcome(left_out=extract.left_out)
    for line in extract.lines:
        if line.faults:
            result.faults[line.number] = set(line.faults)
    parts = list(parts_of(extract.lines, jobcentres, job.first, job.last))
    checkpoint = Checkpoint(job, content, mapping)
    progress.begin(sum(len(part.lines) for part in parts))
    for part in parts:
        if part.name in checkpoint.done:
            result.continued += 1
        elif _send(job, server, part, result):
            checkpoint.save(part.name)
        progress.advance(part)
    checkpoint.delete()
    return result


def _check_state_dir(job: Job) -> None:
    try:
        check_state_dir(job.checkpoint.parent)
    except FileError as error:
        raise ImportFaultError(str(error)) from None


def _text_of(file: Path | None) -> str | None:
    try:
        return None if file is None else file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise ImportFaultError("the mapping is not UTF-8") from None


def _send(job: Job, server: Server, part: Part, result: ImportOutcome) -> bool:
    """Send a part; return whether it was applied, or would be in a dry run."""
    body = {
        "jobcentre": part.jobcentre,
        "from": str(part.first),
        "to": str(part.last),
        "records": [line.record for line in part.lines],
    }
    parameters = {"dry_run": "true" if job.dry_run else "false"}
    if job.accept_removals is not None:
        parameters["accept_removals"] = str(job.accept_removals)
    report = server.call("POST", f"/v1/trials/{job.trial}/activations/snapshot", body, **parameters)
    for record_result in report["results"]:
        if record_result["index"] is not None and record_result["outcome"] != "retracted":
            _add_result(part.lines[record_result["index"]], record_result, result)
    if report["held_back"]:
        values = [report[name] for name in ("held_back", "counts", *_HELD_COUNTS)]
        result.held.append(HeldPart(part.name, *values))
        return False
    result.counts.update(report["counts"])
    return True


def _add_result(line: ExtractLine, record_result: Mapping[str, Any], result: ImportOutcome) -> None:
    """Add the faults of a line by field and code, unless the file's own fault explains them."""
    errors = record_result.get("errors", [])
    if "identical_line" in record_result.get("warnings", []):
        result.identical.append(line.number)
    if any(error["code"] == UNKNOWN for error in errors):
        result.unknown += 1
    elif record_result["outcome"] in ("rejected", "stale") and not line.faults:
        faults = {f"{error['pointer'].rpartition('/')[2]}: {error['code']}" for error in errors} or {
            record_result["outcome"]
        }
        result.faults.setdefault(line.number, set()).update(faults)


class Checkpoint:
    """Checkpoint: the acknowledged parts of an import, in a file without personal data."""

    def __init__(self, job: Job, content: bytes, mapping: str | None) -> None:
        self._enabled = not job.dry_run
        self._path = job.checkpoint
        request = [job.trial, list(job.jobcentres), str(job.first), str(job.last), mapping]
        self._digest = hashlib.sha256(json.dumps(request).encode() + content).hexdigest()
        self.done: set[str] = set()
        if self._enabled:
            self.done = self._load()

    def _load(self) -> set[str]:
        """Return the parts in the file; empty without a file, or for the file of another import."""
        try:
            stored = json.loads(self._path.read_text("utf-8"))
            return set(stored["done"]) if stored["import"] == self._digest else set()
        except (OSError, ValueError, KeyError, TypeError):
            return set()

    def save(self, part: str) -> None:
        """Add a part. The file is replaced as a whole, so that it is never half written."""
        if not self._enabled:
            return
        self.done.add(part)
        draft = self._path.with_suffix(".draft")
        draft.write_text(json.dumps({"import": self._digest, "done": sorted(self.done)}), "utf-8")
        draft.replace(self._path)

    def delete(self) -> None:
        """Delete the file: the next import of the extract starts from the beginning."""
        if self._enabled:
            self._path.unlink(missing_ok=True)
