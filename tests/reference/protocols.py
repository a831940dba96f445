"""The five protocols of domain 6, typed in from its table, as plain dicts.

Keys that need a word:
- `in_person_forms`: the forms that make a week *in person* (domain 4.5; in [S] a group talk is as good as an individual
  one).
- `in_person_weeks`: a number of programme weeks, or "all", "none", or "until_workplace" (the draft: the weeks before
  the ISO week in which the first workplace activation on or after `assigned_on` starts).
- `remote_share_max`: None where no week comes after the in-person weeks.
- `activation_due_week`, `min_weekly_hours`, `max_activation_weeks`, `max_programme_weeks`: None where the protocol has
  none.
- `counts_on_assigned_on`: a conversation on `assigned_on` counts (first talk of [S]).
- `judges_started_late`: the first talk is due within 7 days after `assigned_on` (`prvij-*`).
- `max_activation_weeks`: of the meter, which counts weeks of activation (domain 4.4).
- `countable_days`: the text's "3 days", wherever days of a week are held against it.
- `sufficient_reasons`: for not being at a workplace, where that is judged.
- `needs_justification`: a counting conversation in another form than in person needs its justification ([C]).
- `thresholds`: per cent, conversation / activation / workplace.
- `primary`: outcome and week. `success`: the success criteria, in order.
"""

from fractions import Fraction
from typing import Any

Protocol = dict[str, Any]

WORKPLACE_TYPES = [
    "part_time_job",
    "wage_subsidy_public",
    "wage_subsidy_private",
    "work_placement_public",
    "work_placement_private",
]
OTHER_TYPES = ["guidance_and_upskilling", "other_offer", "partial_return", "preventive_offer"]
SUFFICIENT_REASONS_FOR_NO_WORKPLACE = ["substance_abuse", "untreated_mental_illness", "other"]
ALL_FORMS = ["in_person", "telephone", "digital", "group", "industry_meeting", "other"]
EVERYBODY = ["caseworker", "company_consultant", "external_provider", "mentor"]
ALL_BUT_THE_MENTOR = ["caseworker", "company_consultant", "external_provider"]

PRVIJ_FINAL: Protocol = {
    "id": "prvij-2010-11",
    "randomised": True,
    "intake_from": "2010-11-08",
    "intake_to": "2011-03-31",
    "ends_on": "2012-03-31",
    "countable_days": 3,
    "forms_accepted": ["in_person", "telephone", "digital", "other"],
    "in_person_forms": ["in_person"],
    "conducted_by_accepted": ALL_BUT_THE_MENTOR,
    "cadence": "weekly",
    "counts_on_assigned_on": False,
    "judges_started_late": True,
    "rematch_to_3_is_exit": True,
    "in_person_weeks": 8,
    "remote_grounds": ["illness", "other_obstacle", "hospitalised"],
    "remote_share_max": Fraction(1, 2),
    "activation_due_week": 9,
    "min_weekly_hours": 10,
    "reduced_hours_reasons": ["health", "gradual_start", "care", "other"],
    "max_activation_weeks": 39,
    "max_programme_weeks": None,
    "sufficient_reasons": SUFFICIENT_REASONS_FOR_NO_WORKPLACE,
    "judges_place_workplace_mentor": True,
    "needs_justification": False,
    "thresholds": {"conversation": 80, "activation": 80, "workplace": 40},
    "primary": ("employed", 64),
    "success": ["job_or_education", "part_time_job", "workplace_activation"],
    "grant": 13000,
    "channels": ["new_match", "rematch", "supplement"],
}

PRVIJ_DRAFT: Protocol = {
    "id": "prvij-2010-07",
    "randomised": True,
    "intake_from": "2010-11-01",
    "intake_to": "2011-03-31",
    "ends_on": "2012-03-31",
    "countable_days": 3,
    "forms_accepted": ["in_person", "telephone", "digital", "other"],
    "in_person_forms": ["in_person"],
    "conducted_by_accepted": ALL_BUT_THE_MENTOR,
    "cadence": "weekly",
    "counts_on_assigned_on": False,
    "judges_started_late": True,
    "rematch_to_3_is_exit": True,
    "in_person_weeks": "until_workplace",
    "remote_grounds": ["illness", "other_obstacle", "hospitalised"],
    "remote_share_max": Fraction(0),
    "activation_due_week": 5,
    "min_weekly_hours": 10,
    "reduced_hours_reasons": ["health", "gradual_start", "care", "other"],
    "max_activation_weeks": None,
    "max_programme_weeks": None,
    "sufficient_reasons": SUFFICIENT_REASONS_FOR_NO_WORKPLACE,
    "judges_place_workplace_mentor": True,
    "needs_justification": False,
    "thresholds": {"conversation": 80, "activation": 80, "workplace": 50},
    "primary": ("employed", 64),
    "success": ["job_or_education", "part_time_job", "workplace_activation"],
    "grant": 13000,
    "channels": ["new_match", "rematch"],
}

SICKNESS: Protocol = {
    "id": "aht-2008-sickness",
    "randomised": True,
    "intake_from": None,
    "intake_to": None,
    "ends_on": None,
    "countable_days": 3,
    "forms_accepted": ["in_person", "group", "telephone"],
    "in_person_forms": ["in_person", "group"],
    "conducted_by_accepted": ALL_BUT_THE_MENTOR,
    "cadence": "weekly",
    "counts_on_assigned_on": True,
    "judges_started_late": False,
    "rematch_to_3_is_exit": False,
    "in_person_weeks": "all",
    "remote_grounds": ["hospitalised"],
    "remote_share_max": None,
    "activation_due_week": 5,
    "min_weekly_hours": 10,
    "reduced_hours_reasons": ["health"],
    "max_activation_weeks": None,
    "max_programme_weeks": 17,
    "sufficient_reasons": [],
    "judges_place_workplace_mentor": False,
    "needs_justification": False,
    "thresholds": None,
    "primary": ("employed", 52),
    "success": ["job", "partial_return", "active_offer"],
    "grant": 7500,
    "channels": [],
}

FLEXJOB: Protocol = {
    "id": "aht-2008-flexjob",
    "randomised": True,
    "intake_from": None,
    "intake_to": None,
    "ends_on": None,
    "countable_days": 3,
    "forms_accepted": ["in_person", "group", "telephone"],
    "in_person_forms": ["in_person", "group"],
    "conducted_by_accepted": ALL_BUT_THE_MENTOR,
    "cadence": "weekly",
    "counts_on_assigned_on": True,
    "judges_started_late": False,
    "rematch_to_3_is_exit": False,
    "in_person_weeks": "all",
    "remote_grounds": ["hospitalised"],
    "remote_share_max": None,
    "activation_due_week": 5,
    "min_weekly_hours": 10,
    "reduced_hours_reasons": ["health"],
    "max_activation_weeks": None,
    "max_programme_weeks": 17,
    "sufficient_reasons": [],
    "judges_place_workplace_mentor": False,
    "needs_justification": False,
    "thresholds": None,
    "primary": ("employed", 52),
    "success": ["flex_job", "active_offer"],
    "grant": 7500,
    "channels": [],
}

FLEXIBLE_CONVERSATIONS: Protocol = {
    "id": "flex-2016",
    "randomised": False,
    "intake_from": None,
    "intake_to": None,
    "ends_on": None,
    "countable_days": 3,
    "forms_accepted": ALL_FORMS,
    "in_person_forms": ["in_person"],
    "conducted_by_accepted": EVERYBODY,
    "cadence": "average",
    "counts_on_assigned_on": False,
    "judges_started_late": False,
    "rematch_to_3_is_exit": False,
    "in_person_weeks": "none",
    "remote_grounds": [],
    "remote_share_max": Fraction(1),
    "activation_due_week": None,
    "min_weekly_hours": None,
    "reduced_hours_reasons": [],
    "max_activation_weeks": None,
    "max_programme_weeks": None,
    "sufficient_reasons": [],
    "judges_place_workplace_mentor": False,
    "needs_justification": True,
    "thresholds": None,
    "primary": None,
    "success": ["job"],
    "grant": None,
    "channels": [],
}

PROTOCOLS: dict[str, Protocol] = {
    "prvij-2010-11": PRVIJ_FINAL,
    "prvij-2010-07": PRVIJ_DRAFT,
    "aht-2008-sickness": SICKNESS,
    "aht-2008-flexjob": FLEXJOB,
    "flex-2016": FLEXIBLE_CONVERSATIONS,
}

MADE_UP: Protocol = {
    "id": "made-up-2012",
    "randomised": True,
    "intake_from": "2010-01-04",
    "intake_to": "2010-02-28",
    "ends_on": "2010-06-30",
    "countable_days": 2,
    "forms_accepted": ["in_person", "digital", "telephone", "industry_meeting"],
    "in_person_forms": ["in_person", "digital"],
    "conducted_by_accepted": ["caseworker", "mentor"],
    "cadence": "weekly",
    "counts_on_assigned_on": False,
    "judges_started_late": False,
    "rematch_to_3_is_exit": False,
    "in_person_weeks": 2,
    "remote_grounds": ["other_obstacle"],
    "remote_share_max": Fraction(1, 3),
    "activation_due_week": 3,
    "min_weekly_hours": 15,
    "reduced_hours_reasons": ["gradual_start"],
    "max_activation_weeks": 4,
    "max_programme_weeks": None,
    "sufficient_reasons": ["no_transport"],
    "judges_place_workplace_mentor": True,
    "needs_justification": True,
    "thresholds": {"conversation": 60, "activation": 50, "workplace": 0},
    "primary": None,
    "success": [],
    "grant": 999,
    "channels": ["rematch"],
}
"""The made-up sixth (tests/examples/protocols), in no table of the text: not among ``PROTOCOLS``."""
