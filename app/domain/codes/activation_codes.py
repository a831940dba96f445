"""Closed lists of codes of activations (domain 4.6, 6 [S])."""

from collections.abc import Mapping
from typing import Final

from app.domain.codes.code_list import CodeList

ACTIVATION_CODES: Final[Mapping[str, CodeList]] = {
    "ReducedHoursReason": CodeList(
        "Why an activation has fewer hours than the minimum.",
        {
            "health": "the person's health",
            "gradual_start": "the hours increase gradually",
            "care": "care of others",
            "other": "another reason",
        },
    ),
    "NotWorkplaceReason": CodeList(
        "Why an activation is not at a workplace. The last three are not sufficient reasons.",
        {
            "substance_abuse": "substance abuse",
            "untreated_mental_illness": "untreated mental illness",
            "other": "another sufficient reason",
            "cannot_get_up": "cannot get up in the morning",
            "no_transport": "no means of transport",
            "unstable": "turns up irregularly",
        },
    ),
    "MentorStatus": CodeList(
        "Whether an activation has a mentor.",
        {"assigned": "a mentor is assigned", "waived": "no mentor, for a stated reason", "unknown": "not stated"},
    ),
    "EndedBecause": CodeList(
        "Why an activation ended.",
        {
            "as_planned": "as planned",
            "illness": "illness",
            "job": "a job",
            "education": "an education",
            "citizen_stopped": "the person stopped",
            "company_stopped": "the company stopped",
            "other": "another reason",
        },
    ),
    "PreventiveKind": CodeList(
        "What a preventive offer consists of.",
        {
            "physical_training": "physical training",
            "diet": "advice on diet",
            "psychologist": "a psychologist",
            "pain_management": "management of pain",
            "depression_school": "a course about depression",
            "other": "something else",
        },
    ),
}
