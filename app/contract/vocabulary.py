"""Texts of the contract for tags, scopes and problem codes; the codes of the domain are in ``app.domain.codes``."""

from collections.abc import Mapping
from typing import Final

from app.domain.codes import CODES, ENUMERATIONS, CodeList
from app.web.problems import PROBLEMS

OPEN_LISTS: Final[Mapping[str, CodeList]] = {
    **CODES,
    "ProblemCode": CodeList(
        "The stable code of a problem.", {code: f"{kind.status}. {kind.detail}" for code, kind in PROBLEMS.items()}
    ),
}
"""Lists to which a later version may add codes: those of the domain, and the codes of problems."""

CODE_LISTS: Final[Mapping[str, CodeList]] = {**ENUMERATIONS, **OPEN_LISTS}
"""Every list of codes by its name in the contract."""

TAGS: Final[Mapping[str, str]] = {
    "protocols": (
        "A protocol contains the rules of a trial as data: who is eligible, how often conversations are due, from which"
        " week activation is due, and the conditions of the grant. Every value has its source."
    ),
    "trials": (
        "A trial applies a protocol to jobcentres between two dates. The agency creates and closes it. The seed of its"
        " draws is secret until the trial is closed; then anyone can recompute the draws."
    ),
    "participants": (
        "Screen people, draw their arm, look them up, and read their weeks. `participant_id` identifies a person. Send"
        " a CPR number (the Danish personal identification number) in bodies only; the service never returns one."
    ),
    "conversations": "Conversations held, missed or cancelled, with their form and place.",
    "activations": "Spells of activation, their hours and workplace; also the snapshots of registers without ids.",
    "exemptions": "Days on which a person is exempt from conversations, activation or both.",
    "presence-events": "When a person left the trial, came back, or changed match group.",
    "support-efforts": "Support beside the job: social, health, and who coordinates it.",
    "mentors": "Mentors of people at a workplace.",
    "declined-offers": "Offers that a person declined, and why.",
    "outcomes": "What a person lived on in a week, and hours of work. Registers deliver them.",
    "records": (
        "Reports of batches of any kind. The service stores a record that breaks the trial's rules and returns a"
        " warning, unless the trial refuses such records. Sending a record again is safe."
    ),
    "reports": "Figures of jobcentres, regions and the whole trial. They include every acknowledged write.",
    "panel": (
        "The pseudonymous panel for evaluators: person-weeks, baseline and draws, as JSON, JSON Lines, CSV or Parquet,"
        " in releases that never change."
    ),
    "audit": (
        "Who wrote or read what, and when. Entries form hash chains with signed heads, so that anyone can verify that"
        " no entry was changed or removed."
    ),
    "operation": "For operators of the service, not for integrators. Needs no token.",
}

SCOPES: Final[Mapping[str, str]] = {
    "participants:read": "people, their weeks and their records except conversations, activations and outcomes",
    "participants:write": "screening, draw and corrected CPR numbers; writing the same records",
    "conversations:write": "reading and writing conversations",
    "activations:write": "reading and writing activations",
    "outcomes:write": "reading and writing outcomes, which registers deliver and no case system",
    "corrections:decide": (
        "reading and deciding requests for corrected CPR numbers; without effect in a token with `reports:read`,"
        " `panel:export` or any `participants:` scope"
    ),
    "reports:read": "figures of the jobcentres or regions to which the token is bound",
    "trials:write": "creating and closing trials, transferring records, freezing grant assessments",
    "panel:export": "the pseudonymous panel of person-weeks",
    "audit:read": "the audit trail and the published draws",
}
