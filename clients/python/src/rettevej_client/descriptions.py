"""What the client says of its own: the fields of each kind of record, and warnings in words.

What is wrong with a record the register says itself, in the ``meaning`` of each error.
"""

from collections.abc import Mapping
from typing import Final

STALE: Final = "not stored: a higher revision of the record is"
TOO_LARGE: Final = "the record alone is larger than a batch may be"

WARNINGS: Final[Mapping[str, str]] = {
    "form_not_accepted": "stored, but a conversation in this form does not count",
    "remote_too_early": "stored, but not in person in the weeks in which it should be, without an accepted ground",
    "remote_too_often": "stored, but more remote conversations than the protocol allows",
    "conducted_by_mentor": "stored, but a mentor's conversation does not count",
    "external_provider_not_accepted": "stored, but an external provider's conversations do not count at this jobcentre",
    "before_assignment": "stored, but not later than the day of the assignment",
    "week_without_number": "stored, but the person is absent, exempt or through with the course in that week",
    "hours_too_few": "stored, but fewer hours than the minimum, without an accepted reason",
    "not_at_workplace": "stored, but not at a workplace, without a sufficient reason",
    "starts_late": "stored, but the first activation at a workplace starts later than it was due",
    "mentor_missing": "stored, but at a workplace, and no word of a mentor",
    "identical_line": "the snapshot has the same line more than once; it is one record",
}
"""What the rules say of a record that was stored."""


def describe_warning(code: str) -> str:
    """A warning in words; the code itself where it is not known here: a later register may have others."""
    return WARNINGS.get(code, code)


_ENVELOPE: Final = ("external_id", "revision", "participant_id", "cpr", "retracted", "retraction_reason")

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "conversations": (
        *_ENVELOPE,
        "date",
        "status",
        "form",
        "place",
        "conducted_by",
        "mentor_present",
        "remote_ground",
        "job_interview",
        "focus",
        "justification",
    ),
    "activations": (
        *_ENVELOPE,
        "type",
        "starts_on",
        "ends_on",
        "hours_per_week",
        "reduced_hours_reason",
        "not_workplace_reason",
        "cvr_number",
        "p_number",
        "company_centre",
        "mentor",
        "mentor_waiver_reason",
        "planned_ends_on",
        "ended_because",
        "preventive_kind",
    ),
    "exemptions": (*_ENVELOPE, "scope", "ground", "starts_on", "ends_on"),
    "presence-events": (*_ENVELOPE, "kind", "date", "reason", "match_group"),
    "support-efforts": (*_ENVELOPE, "area", "kind", "starts_on", "ends_on", "coordinator"),
    "mentors": (*_ENVELOPE, "starts_on", "ends_on", "cvr_number", "p_number"),
    "declined-offers": (*_ENVELOPE, "date", "type", "reason"),
    "outcomes": (*_ENVELOPE, "week", "status", "hours_per_week", "benefit_code"),
}
"""The names of the fields of each kind of record."""

KINDS: Final = tuple(FIELDS)
