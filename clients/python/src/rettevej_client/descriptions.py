"""The register's codes in words, and what each field of a record may hold: for people who have to mend a file.

The lists of codes are open: a later register may add to them, and an unknown code is shown as it is.
"""

from collections.abc import Mapping
from typing import Final

FAULTS: Final[Mapping[str, str]] = {
    "missing_field": "a field that is required is not there",
    "unknown_field": "there is a field, or a value too many, that is not known here",
    "invalid_value": "a value that the field cannot have",
    "invalid_json": "not a record: no JSON object",
    "invalid_cpr": "not a CPR number: ten digits, DDMMYYSSSS (a spreadsheet may have dropped the leading zero)",
    "repeated_field": "a name occurs twice in the record",
    "looks_like_cpr": "ten digits that could be a CPR number; if they are none, put a letter right before them",
    "invalid_cvr": "not a CVR number: eight digits with the right check digit",
    "date_in_future": "later than the day of receipt: it has not happened yet",
    "ends_before_start": "the last day lies before the first",
    "hours_out_of_range": "hours a week are above 0 and at most 60",
    "unknown_participant": "nobody of the trial, or not at your jobcentres (normal for a register's file)",
    "not_drawn": "the person was screened, and never drawn",
    "event_order": "a presence event before the person's assignment",
    "revision_conflict": "that revision is stored already with other content: send a higher one",
    "form_not_accepted": "a conversation in this form does not count, and the trial refuses it",
    "remote_too_early": "the first conversations are held in person, and the trial refuses others",
    "conducted_by_mentor": "a mentor's conversation does not count, and the trial refuses it",
    "hours_too_few": "fewer hours than the trial's minimum without an accepted reason, and the trial refuses that",
    "not_at_workplace": "not at a workplace without a sufficient reason, and the trial refuses that",
    "other_jobcentre": "the person is not at the jobcentre that the snapshot is of",
    "outside_span": "the activation does not start in the span of the snapshot",
    "stale": "not stored: a higher revision of the record is",
    "too_large": "the record alone is larger than a batch may be",
}
"""Why a record was not stored."""

WARNINGS: Final[Mapping[str, str]] = {
    "form_not_accepted": "stored, but a conversation in this form does not count",
    "remote_too_early": "stored, but not in person in the weeks in which it should be, without an accepted ground",
    "remote_too_often": "stored, but more remote conversations than the protocol allows",
    "conducted_by_mentor": "stored, but a mentor's conversation does not count",
    "before_assignment": "stored, but not later than the day of the assignment",
    "week_without_number": "stored, but the person is absent, exempt or through with the course in that week",
    "hours_too_few": "stored, but fewer hours than the minimum, without an accepted reason",
    "not_at_workplace": "stored, but not at a workplace, without a sufficient reason",
    "starts_late": "stored, but the first activation at a workplace starts later than it was due",
    "mentor_missing": "stored, but at a workplace, and no word of a mentor",
    "identical_line": "the snapshot has the same line more than once; it is one record",
}
"""What the rules say of a record that was stored."""


def describe_code(code: str, *, warning: bool = False) -> str:
    """A code in words; the code itself where it is not known here."""
    return (WARNINGS if warning else FAULTS).get(code, code)


# --- fields -----------------------------------------------------------------------------------------------------------

DAY: Final = "a day, YYYY-MM-DD"
FLAG: Final = "true or false"
HOURS: Final = "a number with at most two decimals"
CODE: Final = "a code of small letters, digits and _"
CVR: Final = "eight digits"
P_NUMBER: Final = "ten digits"
WHOLE: Final = "a whole number, 0 or more"
Expected = str | tuple[str, ...]
"""What a field holds: a sentence, or the codes to choose from."""

_ENVELOPE: Final[Mapping[str, Expected]] = {
    "external_id": "your own id of the record, 1 to 100 characters, and not a CPR number",
    "revision": WHOLE,
    "participant_id": "the id from the screening; give it or cpr, one of the two",
    "cpr": "ten digits, with or without a dash; give it or participant_id, one of the two",
    "retracted": FLAG,
    "retraction_reason": ("entered_in_error", "duplicate", "wrong_person"),
}
_SPAN: Final[Mapping[str, Expected]] = {"starts_on": DAY, "ends_on": DAY}
_ACTIVATION_TYPES: Final = (
    "part_time_job",
    "wage_subsidy_public",
    "wage_subsidy_private",
    "work_placement_public",
    "work_placement_private",
    "guidance_and_upskilling",
    "other_offer",
    "partial_return",
    "preventive_offer",
)

FIELDS: Final[Mapping[str, Mapping[str, Expected]]] = {
    "conversations": {
        **_ENVELOPE,
        "date": DAY,
        "status": ("held", "no_show", "cancelled"),
        "form": ("in_person", "telephone", "digital", "group", "industry_meeting", "other"),
        "place": ("jobcentre", "company", "home", "other"),
        "conducted_by": ("caseworker", "company_consultant", "external_provider", "mentor"),
        "mentor_present": FLAG,
        "remote_ground": ("illness", "other_obstacle", "hospitalised"),
        "job_interview": FLAG,
        "focus": (
            "clarification",
            "motivation",
            "preparation",
            "follow_up",
            "retention",
            "progression",
            "transition_to_job",
        ),
        "justification": CODE,
    },
    "activations": {
        **_ENVELOPE,
        "type": _ACTIVATION_TYPES,
        **_SPAN,
        "hours_per_week": HOURS,
        "reduced_hours_reason": ("health", "gradual_start", "care", "other"),
        "not_workplace_reason": (
            "substance_abuse",
            "untreated_mental_illness",
            "other",
            "cannot_get_up",
            "no_transport",
            "unstable",
        ),
        "cvr_number": CVR,
        "p_number": P_NUMBER,
        "company_centre": FLAG,
        "mentor": ("assigned", "waived", "unknown"),
        "mentor_waiver_reason": CODE,
    },
    "exemptions": {
        **_ENVELOPE,
        "scope": ("conversations", "activation", "both"),
        "ground": (
            "illness",
            "parental_leave",
            "child_care",
            "care_of_relative",
            "military_service",
            "sentence",
            "stu",
            "job_starts",
            "holiday",
            "offer_not_reasonable",
            "other",
        ),
        **_SPAN,
    },
    "presence-events": {
        **_ENVELOPE,
        "kind": ("exit", "re_entry", "rematch"),
        "date": DAY,
        "reason": ("match_group_3", "job", "education", "moved", "benefit_ended", "deceased"),
        "match_group": ("1", "2", "3"),
    },
    "support-efforts": {
        **_ENVELOPE,
        "area": ("company", "social_services", "health"),
        "kind": CODE,
        **_SPAN,
        "coordinator": CODE,
    },
    "mentors": {**_ENVELOPE, **_SPAN, "cvr_number": CVR, "p_number": P_NUMBER},
    "declined-offers": {**_ENVELOPE, "date": DAY, "type": _ACTIVATION_TYPES, "reason": CODE},
    "outcomes": {
        **_ENVELOPE,
        "week": "an ISO week, YYYY-Www",
        "status": ("employed", "education", "benefit", "other"),
        "hours_per_week": HOURS,
        "benefit_code": CODE,
    },
}
"""The fields of each kind of record, with what they may hold."""

KINDS: Final = tuple(FIELDS)


def describe_fault(kind: str, field: str, code: str) -> str:
    """A fault in words, with what the field may hold where that is what was wrong."""
    expected = FIELDS.get(kind, {}).get(field.partition("/")[0])
    if expected is None or code not in ("invalid_value", "missing_field"):
        return describe_code(code)
    held = expected if isinstance(expected, str) else f"one of {', '.join(expected)}"
    return f"{describe_code(code)}: {held}"
