"""Commands ``rettevej import KIND``: files of records, and a register's extracts of activations."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.cli.common import DataDir, console, fail, settings_of
from app.cli.import_records import (
    DryRunOption,
    FileFormat,
    ResumeOption,
    SheetOption,
    StateDir,
    TokenOption,
    UrlOption,
    add_kinds,
    import_records,
)
from app.importing import send
from app.importing.extract import Part
from app.importing.mapping import ImportFaultError
from app.web.tokens import LocalIssuer

app = typer.Typer(no_args_is_help=True, help="Import a file into a trial.")
add_kinds(app, but="activations")


ExtractFile = Annotated[
    Path, typer.Argument(help="Records with ids, or a register's extract (CSV).", exists=True, dir_okay=False)
]
FirstDay = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day of the extract.")]
LastDay = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day of the extract.")]
JobcentreOption = Annotated[list[str] | None, typer.Option(help="Of an extract only this jobcentre; may be repeated.")]
MappingOption = Annotated[Path | None, typer.Option(help="Columns and codes, TOML.", exists=True, dir_okay=False)]
AcceptRemovals = Annotated[
    int | None,
    typer.Option(min=0, help="Of an extract: how many stored spells each part may take back; a tenth otherwise."),
]


class _ProgressBar(send.Progress):
    """Progress bar of the lines sent."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("reading")

    def begin(self, total: int) -> None:
        self._progress.update(self._task, total=total)

    def advance(self, part: Part) -> None:
        self._progress.update(self._task, description=part.name, advance=len(part.lines))


@app.command()
def activations(
    file: ExtractFile,
    trial: Annotated[str, typer.Option(help="The trial.")],
    first: FirstDay = None,
    last: LastDay = None,
    jobcentre: JobcentreOption = None,
    mapping: MappingOption = None,
    url: UrlOption = "http://127.0.0.1:8000",
    bearer: TokenOption = None,
    dry_run: DryRunOption = False,
    file_format: FileFormat = None,
    resume: ResumeOption = False,
    sheet: SheetOption = None,
    accept_removals: AcceptRemovals = None,
    state_dir: StateDir = None,
    data_dir: DataDir = None,
) -> None:
    """Send a file of activations; with --from and --to, replace what a register's earlier extract said of that span.

    Without a span the file has records with ids of their own, as for the other kinds. An extract (of AMFORA, say) has
    none: by jobcentre and quarter it replaces what was imported before. Lines with faults are listed. A part with a
    line that cannot be read, or that would take back more than --accept-removals, is held back as a whole. People whom
    the trial does not know are counted. After an interruption the same command continues where it stopped.
    """
    if first is None or last is None:
        if first or last or mapping or jobcentre or accept_removals is not None:
            fail(
                "an extract needs --from and --to; records with ids need neither, nor --mapping, --jobcentre and"
                " --accept-removals"
            )
        import_records(
            "activations", file, trial, url, bearer, dry_run, file_format, resume, sheet, state_dir, data_dir
        )
        return
    if first > last:
        fail("--from is after --to")
    if bearer is None:
        settings = settings_of(data_dir=data_dir)
        bearer = LocalIssuer.load_or_create(settings.data_dir, settings.audience).token("register")
    job = send.Job(
        file,
        mapping,
        trial,
        jobcentre or (),
        first.date(),
        last.date(),
        dry_run,
        accept_removals=accept_removals,
        sheet=sheet,
        state_dir=state_dir,
    )
    _print_outcome(_send_with_progress(job, url, bearer), dry_run=dry_run)


def _send_with_progress(job: send.Job, url: str, bearer: str) -> send.ImportOutcome:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with httpx.Client(base_url=url, timeout=300) as http, Progress(*columns, console=console) as progress:
        try:
            return send.run(job, send.Server(http, bearer), _ProgressBar(progress))
        except (ImportFaultError, OSError) as error:
            progress.stop()
            fail(str(error))


def _print_outcome(result: send.ImportOutcome, *, dry_run: bool) -> None:
    for number, faults in sorted(result.faults.items()):
        typer.echo(f"line {number}: {'; '.join(sorted(faults))}")
    if result.identical:
        numbers = ", ".join(map(str, sorted(set(result.identical))))
        typer.echo(f"warning: identical to an earlier line, and one spell with it: line {numbers}")
    for part in result.held:
        typer.echo(_held_sentence(part))
    if result.continued:
        console.print(f"Continued: {result.continued} parts had been acknowledged before.")
    counts = ", ".join(f"{n} {outcome}" for outcome, n in result.counts.items() if n) or "nothing changed"
    console.print(
        f"{'Would be' if dry_run else 'Done'}: {counts}; {result.unknown} of people whom the trial does not know;"
        f" {result.left_out} lines of other jobcentres, spans or types left out."
    )
    if result.held:
        fail(f"{len(result.held)} parts were held back, and nothing of them applied; the reasons are listed above")
    if result.faults:
        fail(f"{len(result.faults)} lines have faults, listed above")


def _held_sentence(part: send.HeldPart) -> str:
    counts = ", ".join(f"{n} {outcome}" for outcome, n in part.counts.items() if n) or "nothing"
    people = f", all spells of {part.people_without_spells} people" if part.people_without_spells else ""
    reasons = [f"{part.unreadable} lines cannot be read"] if part.unreadable else []
    if part.removed:
        reasons.append(f"{part.removed} of {part.stored} stored spells would be taken back{people}")
    removals_alone = "unreadable_line" not in part.reasons
    remedy = f"; if that is right: --accept-removals {part.removed}" if removals_alone else ""
    return f"{part.name} is held back: {'; '.join(reasons)}. Without that: {counts}{remedy}."
