"""Names and meanings in the contract that are no codes of the domain: tags, scopes, problem codes."""

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
        "A protocol is the rule book of a trial as data: who is eligible, how often people are talked to, from which"
        " week they are activated, what the grant depends on. Every value stands beside its source."
    ),
    "trials": (
        "A trial applies a protocol to jobcentres between two dates. The agency creates and closes it. Its draws are"
        " concealed until it is closed, and can then be recomputed by anyone."
    ),
    "participants": (
        "People are screened, drawn to an arm, looked up, and seen week by week. A person is known by `participant_id`;"
        " a CPR number (the Danish personal identification number) is sent in bodies only, and never comes back."
    ),
    "records": (
        "What happened to people: conversations, activations, exemptions, presence events, support efforts, mentors,"
        " declined offers, outcomes. Facts are stored and the rules judge them: a record against the rules is kept, and"
        " the answer warns of it. Sending again is safe."
    ),
    "reports": "Figures of jobcentres, regions and the whole trial. They hold everything that was acknowledged before.",
    "panel": (
        "The pseudonymous panel for evaluators: person-weeks, baseline and draws, as JSON, JSON Lines, CSV or Parquet,"
        " in releases that stay as they were."
    ),
    "audit": (
        "Who did or read what, when: hash chains to which entries are only ever added, and their signed heads, by which"
        " anyone can tell that nothing was changed."
    ),
    "operation": "For those who run the service, not for integrators. No token is needed.",
}

SCOPES: Final[Mapping[str, str]] = {
    "participants:read": "people, their weeks and what is recorded of them but conversations and activations",
    "participants:write": "screening, draw and corrected CPR numbers; writing those records",
    "conversations:write": "conversations, read and written",
    "activations:write": "activations and outcomes, read and written",
    "reports:read": "figures of the jobcentres or regions that the token is bound to",
    "trials:write": "creating and closing trials, handing records over, freezing grant assessments",
    "panel:export": "the pseudonymous panel of person-weeks",
    "audit:read": "the audit trail and the published draws",
}
