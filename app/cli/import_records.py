"""Commands ``rettevej import KIND`` for records with ids of their own, by the integrators' client."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rettevej_client import KINDS, Client, RettevejError
from rettevej_client.importing import ImportJob, ImportResult, import_file, records_imported
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from app.cli.common import DataDir, console, fail, settings_of
from app.web.tokens import LocalIssuer

MAX_SHOWN = 50
"""Number of faults printed; the file of faults has all of them."""
INTERRUPTED = 130

RecordsFile = Annotated[
    Path, typer.Argument(help="CSV, NDJSON or Excel, with the names of the fields.", exists=True, dir_okay=False)
]
TrialOption = Annotated[str, typer.Option(help="Id of the trial.")]
UrlOption = Annotated[str, typer.Option(envvar="RETTEVEJ_URL", help="Where the register answers.")]
TokenOption = Annotated[
    str | None,
    typer.Option("--token", envvar="RETTEVEJ_TOKEN", help="A token; of the local issuer where left out."),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Judge everything, store nothing.")]
FileFormat = Annotated[str | None, typer.Option("--format", help="csv, ndjson or xlsx; by the name where left out.")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on with an import of this file that broke off.")]
SheetOption = Annotated[str | None, typer.Option("--sheet", help="Worksheet of a workbook that has several.")]
StateDir = Annotated[
    Path | None,
    typer.Option(help="Folder for the state of the import and its faults; that of the file where left out."),
]


def add_kinds(app: typer.Typer, *, but: str) -> None:
    """Add a command for each kind of record, except the kind ``but``, which has its own."""
    for kind in KINDS:
        if kind != but:
            app.command(kind, help=f"Send a file of {kind}; faults are listed by line.")(_command_of(kind))


def _command_of(kind: str) -> Callable[..., None]:
    def command(
        file: RecordsFile,
        trial: TrialOption,
        url: UrlOption = "http://127.0.0.1:8000",
        bearer: TokenOption = None,
        dry_run: DryRunOption = False,
        file_format: FileFormat = None,
        resume: ResumeOption = False,
        sheet: SheetOption = None,
        state_dir: StateDir = None,
        data_dir: DataDir = None,
    ) -> None:
        import_records(kind, file, trial, url, bearer, dry_run, file_format, resume, sheet, state_dir, data_dir)

    return command


def import_records(
    kind: str,
    file: Path,
    trial: str,
    url: str,
    bearer: str | None,
    dry_run: bool,
    file_format: str | None,
    resume: bool,
    sheet: str | None,
    state_dir: Path | None,
    data_dir: Path | None,
) -> None:
    """Send a file, show progress, print every fault with its line. Exit code 1 if any record was rejected."""
    if file_format not in (None, "csv", "ndjson", "xlsx"):
        fail("--format is csv, ndjson or xlsx")
    if bearer is None:
        settings = settings_of(data_dir=data_dir)
        role = "register" if kind == "outcomes" else "case-system"
        bearer = LocalIssuer.load_or_create(settings.data_dir, settings.audience).token(role)
    job = ImportJob(
        file=file,
        kind=kind,
        trial=trial,
        format=file_format,  # type: ignore[arg-type]  # checked above
        dry_run=dry_run,
        resume=resume,
        sheet=sheet,
        state_dir=state_dir,
    )
    if not (dry_run or resume) and (earlier := records_imported(job)):
        console.print(f"An earlier import of this file stopped after {earlier} records; --resume would continue there.")
        console.print("Starting from the beginning, which is safe: stored records are reported as unchanged.")
    try:
        client = Client(url, bearer)
    except (ValueError, httpx.InvalidURL) as error:
        fail(str(error))
    try:
        with client:
            result = _import(client, job)
    except (RettevejError, OSError) as error:
        fail(f"{error}{_resume_hint(job)}")
    except KeyboardInterrupt:
        console.print(f"rettevej: stopped{_resume_hint(job)}", style="red")
        raise typer.Exit(INTERRUPTED) from None
    _print_result(job, result)


def _resume_hint(job: ImportJob) -> str:
    done = 0 if job.dry_run else records_imported(job)
    return f"; records imported: {done}; the same command with --resume continues there" if done else ""


def _import(client: Client, job: ImportJob) -> ImportResult:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(job.kind, total=None)
        result = import_file(
            client, job, lambda done, about: bar.update(task, completed=done, total=max(done, about) if about else None)
        )
        bar.update(task, completed=result.received, total=result.received)
    return result


def _print_result(job: ImportJob, result: ImportResult) -> None:
    if result.rejected:
        table = Table("line", "field", "code", "what it means", box=None, pad_edge=False)
        for fault in result.rejected[:MAX_SHOWN]:
            table.add_row(str(fault.line), fault.field, fault.code, fault.meaning)
        Console(highlight=False, markup=False).print(table)
        if len(result.rejected) > MAX_SHOWN:
            console.print(f"… these are the first {MAX_SHOWN} faults.")
    if result.continued:
        console.print(f"{result.continued} records had been imported before.")
    counts = ", ".join(f"{n} {outcome}" for outcome, n in result.counts.items() if n) or "nothing"
    console.print(f"{'Would be' if job.dry_run else 'Done'}: {result.received} records: {counts}.")
    if result.warnings:
        warned = ", ".join(f"{n} × {code}" for code, n in sorted(result.warnings.items()))
        console.print(f"Stored with warnings: {warned}.")
    if result.faults_file is not None:
        console.print(f"Every fault and warning with its line: {result.faults_file}", soft_wrap=True)
    if rejected := result.counts["rejected"]:
        fail(f"rejected: {rejected}; correct them and send the file again, stored records are reported as unchanged")
