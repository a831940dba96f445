"""Sends the parts of an extract, one snapshot each, and remembers beside the file which were acknowledged."""

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

from app.importing.extract import ExtractLine, Part, parts_of, read_extract
from app.importing.mapping import ImportFaultError

ATTEMPTS, FIRST_PAUSE, LONGEST_PAUSE = 8, 0.25, 15.0
TRY_LATER = frozenset({429, 503})
UNKNOWN = "unknown_participant"
"""People whom the trial does not know: normal in a register's file."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be imported."""

    file: Path
    mapping: Path | None
    trial: str
    jobcentres: Sequence[str]
    """Codes; none: every jobcentre of the trial that the file tells of."""
    first: date
    last: date
    dry_run: bool


@dataclass(slots=True)
class ImportOutcome:
    """What came of it: outcomes, people whom the trial does not know, and what is wrong, by line of the file."""

    counts: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    left_out: int = 0
    faults: dict[int, set[str]] = field(default_factory=dict)
    continued: int = 0
    """How many parts had been acknowledged already, when an earlier import was broken off."""


class Progress:
    """Told of what is done; does nothing with it."""

    def begin(self, total: int) -> None:
        """So many lines are to be sent."""

    def advance(self, part: Part) -> None:
        """A part is acknowledged."""


class Server:
    """The API, with patience: a part may be sent again at any time."""

    def __init__(self, http: httpx.Client, token: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}"}
        self._pause = pause

    def call(self, method: str, path: str, body: object = None, **parameters: str) -> Any:
        """The answer to a request; ImportFaultError when it is refused, or the server stays away."""
        pause, trouble = FIRST_PAUSE, ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self._pause(min(pause, LONGEST_PAUSE))
                pause *= 2
            try:
                response = self._http.request(method, path, json=body, params=parameters, headers=self._headers)
            except httpx.TransportError as error:
                trouble = type(error).__name__
                continue
            if response.status_code not in TRY_LATER:
                return _answer(response)
            trouble = f"status {response.status_code}"
        raise ImportFaultError(f"the register could not be reached: {trouble}. What was acknowledged is remembered.")


def _answer(response: httpx.Response) -> Any:
    if response.is_success:
        return response.json()
    try:
        code = response.json()["code"]
    except (ValueError, KeyError, TypeError):
        code = "no problem document"
    raise ImportFaultError(f"the register answered {response.status_code} ({code})")


def run(job: Job, server: Server, progress: Progress | None = None) -> ImportOutcome:
    """Sends everything that was not acknowledged yet. ImportFaultError ends it; started again it goes on from there."""
    progress = progress or Progress()
    content = job.file.read_bytes()
    mapping = _text_of(job.mapping)
    trial = server.call("GET", f"/v1/trials/{job.trial}")
    taking_part = [each["code"] for each in trial["jobcentres"]]
    if strangers := sorted(set(job.jobcentres) - set(taking_part)):
        raise ImportFaultError(f"{', '.join(strangers)} takes no part in {job.trial}")
    extract = read_extract(content, mapping, job.jobcentres or taking_part, job.first, job.last)
    told_of = {line.jobcentre for line in extract.lines}
    jobcentres = job.jobcentres or [code for code in taking_part if code in told_of]
    result = ImportOutcome(left_out=extract.left_out)
    for line in extract.lines:
        if line.faults:
            result.faults[line.number] = set(line.faults)
    parts = list(parts_of(extract.lines, jobcentres, job.first, job.last))
    memory = Checkpoint(job, content, mapping)
    progress.begin(sum(len(part.lines) for part in parts))
    for part in parts:
        if part.name in memory.done:
            result.continued += 1
        else:
            _send(job, server, part, result)
            memory.remember(part.name)
        progress.advance(part)
    memory.forget()
    return result


def _text_of(file: Path | None) -> str | None:
    try:
        return None if file is None else file.read_text("utf-8")
    except UnicodeDecodeError:
        raise ImportFaultError("the mapping is not UTF-8") from None


def _send(job: Job, server: Server, part: Part, result: ImportOutcome) -> None:
    body = {
        "jobcentre": part.jobcentre,
        "from": str(part.first),
        "to": str(part.last),
        "records": [line.record for line in part.lines],
    }
    parameters = {"report": "errors", "dry_run": "true" if job.dry_run else "false"}
    report = server.call("POST", f"/v1/trials/{job.trial}/activations/snapshot", body, **parameters)
    result.counts.update(report["counts"])
    for each in report["results"]:
        if each["index"] is not None and each["outcome"] != "retracted":
            _note(part.lines[each["index"]], each, result)


def _note(line: ExtractLine, told: Mapping[str, Any], result: ImportOutcome) -> None:
    """What the register says of a line: faults by field and code, unless the file's own fault explains them."""
    errors = told.get("errors", [])
    if any(error["code"] == UNKNOWN for error in errors):
        result.unknown += 1
    elif not line.faults:
        said = {f"{error['pointer'].rpartition('/')[2]}: {error['code']}" for error in errors} or {told["outcome"]}
        result.faults.setdefault(line.number, set()).update(said)


class Checkpoint:
    """Which parts of this very import were acknowledged, in a file beside the one imported. Nothing personal in it."""

    def __init__(self, job: Job, content: bytes, mapping: str | None) -> None:
        self._keeps = not job.dry_run
        self._path = job.file.with_name(f"{job.file.name}.import.json")
        asked = [job.trial, list(job.jobcentres), str(job.first), str(job.last), mapping]
        self._digest = hashlib.sha256(json.dumps(asked).encode() + content).hexdigest()
        self.done: set[str] = set()
        if self._keeps:
            self.done = self._remembered()

    def _remembered(self) -> set[str]:
        """Nothing where there is no such file, or it is of another import."""
        try:
            kept = json.loads(self._path.read_text("utf-8"))
            return set(kept["done"]) if kept["import"] == self._digest else set()
        except (OSError, ValueError, KeyError, TypeError):
            return set()

    def remember(self, part: str) -> None:
        """A part is acknowledged. The file is replaced as a whole, so that it is never half a file."""
        if not self._keeps:
            return
        self.done.add(part)
        draft = self._path.with_suffix(".draft")
        draft.write_text(json.dumps({"import": self._digest, "done": sorted(self.done)}), "utf-8")
        draft.replace(self._path)

    def forget(self) -> None:
        """All is done: the next import of the file begins anew."""
        if self._keeps:
            self._path.unlink(missing_ok=True)
