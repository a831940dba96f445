"""The parameters of a protocol, each with its meaning as a sentence (domain 6); docs/protocols.md repeats them."""

from collections.abc import Mapping

PARAMETER_MEANINGS: Mapping[str, str] = {
    "design": "1:1 at random by jobcentre; or every eligible screening is an assignment to treatment, without a draw",
    "imbalance_limit": "how far one arm may be ahead in a jobcentre before the coin is overruled (big stick)",
    "intake_from": "first day of interviews; a trial may set its own, and must where it is left out",
    "intake_to": "last day of interviews; a trial may set its own, and must where it is left out",
    "ends_on": "last day of the trial; a trial may set its own, and must where it is left out",
    "countable_days": (
        "working days, in the trial and not exempt from both, that give a week its number; also the days without "
        "exemption that make something due"
    ),
    "accepted_forms": "the forms that count",
    "accepted_conductors": "whose conversations count",
    "in_person_forms": "those that are as good as meeting alone in person",
    "cadence": "a conversation is due every week; or nothing is due, and contacts per four weeks are measured",
    "first_talk_within_days": (
        "started_late: no conversation that counts in so many days after the assignment; left out: not judged"
    ),
    "talk_on_assignment_counts": (
        "whether a conversation on the day of the assignment is the first of the course; left out: false"
    ),
    "rematch_to_group_3_exits": (
        "whether a rematch to group 3 is an exit, and one to group 1 or 2 the way back; left out: false"
    ),
    "in_person_weeks": "the weeks, from 1 on, in which a conversation is to be in person",
    "remote_grounds": "what excuses another form",
    "remote_share_max": (
        "after those weeks: at most ⌈share × conversations without a ground⌉ otherwise than in person; left out: any"
    ),
    "activation_due_week": "the week from which activation is due; left out: never",
    "min_weekly_hours": "hours that make a week active; left out: any activation does",
    "reduced_hours_reasons": "what excuses fewer hours",
    "sufficient_not_workplace_reasons": "what excuses an activation that is not at a workplace",
    "max_activation_weeks": "the meter: after so many weeks of activation the course is complete",
    "max_programme_weeks": "after the week with this number the course is complete",
    "judges_workplace": "whether wrong_place, not_at_workplace and mentor_missing are deviations and warnings",
    "requires_justification": (
        "whether a conversation that counts and is not in person is the deviation no_justification without its code"
    ),
    "thresholds": "the conditions of the grant, inclusive; not with average, nor without activation_due_week",
    "primary_outcome": "the outcome and the week since the assignment that the trial is to show",
    "success_criteria": "what counts as success",
    "grant_dkk": "DKK for each treatment participant with a conversation; without thresholds payable is null",
    "channels": (
        "how people come to be screened; supplement waits for a draw of its own. Goes with channel among the "
        "screening fields"
    ),
    "screening_fields": (
        "what every screening must state (422 otherwise); unemployed_since is asked of the supplement anyway, and "
        "kept of anyone. What else is sent is neither judged nor kept"
    ),
    "optional_screening_fields": "what a screening may state besides: kept, and read by no rule",
    "target_groups": (
        "the target groups that a trial picks from (all of them where it picks none). Goes with target_group among"
        " the screening fields"
    ),
}
