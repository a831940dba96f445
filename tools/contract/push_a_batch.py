"""Screens a person and pushes a batch with the client that openapi-python-client made of the contract.

usage: push_a_batch.py URL TOKEN-OF-THE-AGENCY TOKEN-OF-A-CASE-SYSTEM

Fails when the register answers anything unforeseen.
"""

import sys
from datetime import date
from uuid import UUID

from rettevej_generated import AuthenticatedClient
from rettevej_generated.api.conversations import push_conversations
from rettevej_generated.api.participants import screen_participant
from rettevej_generated.api.trials import create_trial
from rettevej_generated.models import (
    Benefit,
    Channel,
    ConversationBatch,
    ConversationForm,
    ConversationItem,
    ExemptFrom,
    JobcentreIn,
    Region,
    RetractionReason,
    ScreeningIn,
    ScreeningView,
    TrialIn,
    TrialView,
)
from rettevej_generated.models.batch_report import BatchReport

TRIAL = "generated"


def screened(agency: AuthenticatedClient, case_system: AuthenticatedClient) -> UUID:
    """The id of a person (synthetic: day + 60) of a new trial."""
    trial = create_trial.sync(
        client=agency,
        body=TrialIn(
            id=TRIAL,
            protocol="prvij-2010-11",
            title="Made by a generated client",
            jobcentres=[JobcentreIn(code="849", name="Jammerbugt", region=Region.NORD, agreed_participants=85)],
        ),
    )
    assert isinstance(trial, TrialView), trial
    answer = screen_participant.sync(
        TRIAL,
        client=case_system,
        body=ScreeningIn(
            cpr="7101701234",
            jobcentre="849",
            interview_on=date(2010, 11, 8),
            channel=Channel.NEW_MATCH,
            at_job_interview=True,
            match_group=2,
            benefit=Benefit.CASH_BENEFIT,
            exempt_from=ExemptFrom.NONE,
        ),
    )
    assert isinstance(answer, ScreeningView), answer
    assert isinstance(answer.participant_id, UUID), answer.failures
    return answer.participant_id


def batch(person: UUID) -> ConversationBatch:
    """A talk in person, one by telephone too early, and a record that is taken back before it came."""
    return ConversationBatch(
        records=[
            ConversationItem("talk-1", date=date(2010, 11, 15), revision=1, participant_id=person),
            ConversationItem(
                "talk-2", date=date(2010, 11, 23), revision=1, participant_id=person, form=ConversationForm.TELEPHONE
            ),
            ConversationItem("talk-3", retracted=True, retraction_reason=RetractionReason.ENTERED_IN_ERROR, revision=2),
        ]
    )


def main(url: str, agency_token: str, case_token: str) -> None:
    """Everything, once."""
    agency = AuthenticatedClient(url, agency_token, raise_on_unexpected_status=True)
    case_system = AuthenticatedClient(url, case_token, raise_on_unexpected_status=True)
    person = screened(agency, case_system)
    report = push_conversations.sync(TRIAL, client=case_system, body=batch(person), idempotency_key="generated-1")
    assert isinstance(report, BatchReport), report
    sys.stdout.write(f"pushed: {report.counts.to_dict()}\n")
    assert (report.counts.created, report.counts.retracted, report.counts.rejected) == (2, 1, 0)
    for result in report.results:
        sys.stdout.write(f"{result.external_id}: {result.outcome} {result.warnings or ''}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
