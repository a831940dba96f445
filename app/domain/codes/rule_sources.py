"""Where each rule of a person's weeks and records is in the rule text, by code."""

from collections.abc import Mapping

RULE_SOURCES: Mapping[str, Mapping[str, str]] = {
    "FailureCode": {
        "outside_intake_period": "[F] Målgruppe; domain 3.1",
        "unknown_jobcentre": "[F] Målgruppe; domain 3.1",
        "not_available": "choice; domain 3.1",
    },
    "WeekState": {
        "assignment_week": "choice; domain 4.3",
        "counted": "choice; domain 4.3",
        "absent": "choice; domain 4.3",
        "exempt": "choice; domain 4.3",
        "complete": "[F] nine months; domain 4.4",
    },
    "DeviationCode": {
        "conversation_missing": "[F] Intensivt samtaleforløb; domain 4.5",
        "remote_too_early": "[F] Intensivt samtaleforløb; domain 4.5",
        "remote_too_often": "[F] Intensivt samtaleforløb; domain 4.5",
        "mentor_only": "[F] Intensivt samtaleforløb; domain 4.5",
        "wrong_place": "choice; domain 4.5",
        "started_late": "[F] Intensivt samtaleforløb; domain 4.5",
        "activation_missing": "[F] Virksomhedsrettet aktivt tilbud; domain 4.6",
        "hours_too_few": "[F] Virksomhedsrettet aktivt tilbud; domain 4.6",
        "not_at_workplace": "[F] Virksomhedsrettet aktivt tilbud; domain 4.6",
        "mentor_missing": "[F] Virksomhedsrettet aktivt tilbud; domain 4.6",
        "event_without_effect": "choice; domain 4.1",
        "no_justification": "[C]; domain 6",
    },
    "WarningCode": {
        "form_not_accepted": "domain 4.5, 4.8",
        "remote_too_early": "domain 4.5, 4.8",
        "remote_too_often": "domain 4.5, 4.8",
        "conducted_by_mentor": "domain 4.5, 4.8",
        "external_provider_not_accepted": "[E] Næstved; domain 4.5, 4.8",
        "before_assignment": "domain 4.5, 4.8",
        "week_without_number": "domain 4.3, 4.8",
        "hours_too_few": "domain 4.6, 4.8",
        "not_at_workplace": "domain 4.6, 4.8",
        "starts_late": "domain 4.6, 4.8",
        "mentor_missing": "domain 4.6, 4.8",
        "identical_line": "api.md, Snapshots",
    },
}
