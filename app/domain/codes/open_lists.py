"""Open lists of codes: a later version may add codes, so a client treats an unknown code as text."""

from collections.abc import Mapping
from typing import Final

from app.domain.codes.code_list import CodeList

CODES: Final[Mapping[str, CodeList]] = {
    "EffectWarning": CodeList(
        "What whoever reads the effects must know.",
        {
            "no_outcomes": "no outcome was delivered; only exits and success criteria are known",
            "missing_outcomes": "of more than 5 % of an arm no outcome was delivered for the week looked at closely",
            "multiple_comparisons": (
                "many jobcentres are compared: one in twenty differs by chance alone; go by `p_adjusted` and"
                " `heterogeneity`, and choose no jobcentre by its difference"
            ),
            "few_jobcentres": "with fewer than 40 jobcentres the clustered intervals tend to be too narrow",
        },
    ),
    "FaultCode": CodeList(
        "What is wrong at one place of a request, or with one record of a batch.",
        {
            "missing_field": "a field that is required is not there",
            "unknown_field": "there is a field that is not known here; the pointer ends at its parent",
            "invalid_value": "a value that the field cannot have",
            "invalid_json": "not JSON, or not an object where one is expected",
            "invalid_cpr": "not a CPR number",
            "invalid_cvr": "not a CVR number (the number of a Danish company)",
            "date_in_future": "after the day of receipt in Copenhagen",
            "ends_before_start": "the last day lies before the first",
            "hours_out_of_range": "hours a week are above 0 and at most 60",
            "unknown_participant": "nobody of the trial, or not yours; a normal answer for a register integration",
            "not_drawn": "the person was never drawn",
            "other_jobcentre": "the person is at another of your jobcentres than the one that the snapshot is of",
            "outside_span": "it starts on a day that the snapshot does not cover",
            "event_order": "a presence event before the person's assignment",
            "revision_conflict": "that revision is stored with other content",
            "form_not_accepted": "the form does not count in this trial, which refuses it",
            "remote_too_early": "the first conversations are held in person in this trial, which refuses others",
            "conducted_by_mentor": "a mentor's conversation does not count in this trial, which refuses it",
            "hours_too_few": "fewer hours than the minimum of this trial, which refuses that",
            "not_at_workplace": "not at a workplace without a sufficient reason, which this trial refuses",
        },
    ),
    "WarningCode": CodeList(
        "What the rules say of a record at the moment it is stored. Weeks and figures are decided by all records.",
        {
            "form_not_accepted": "the conversation's form does not count",
            "remote_too_early": "not in person, in the weeks in which it should be, without an accepted ground",
            "remote_too_often": "more remote conversations than the protocol allows",
            "conducted_by_mentor": "a mentor's conversation does not count",
            "before_assignment": "not later than the day of the assignment",
            "week_without_number": "the person is absent, exempt or through with the course in that week",
            "hours_too_few": "fewer hours than the minimum, without an accepted reason",
            "not_at_workplace": "not at a workplace, without a sufficient reason",
            "starts_late": "the first activation at a workplace, and later than it was due",
            "mentor_missing": "at a workplace, and no word of a mentor",
        },
    ),
    "FindingCode": CodeList(
        "What looks wrong in the data of a jobcentre, and what `count` and `total` count. None of it enters a figure.",
        {
            "source_silent": "a client delivered this kind before, and nothing for more than 14 days; days",
            "one_day": "of at least 20 conversations held in the last 8 weeks 90 % or more on one day of the week;"
            " those on that day, of all",
            "all_in_person": "at least 20 counting conversations after the weeks in which they are to be in person, and"
            " every one in person; conversations",
            "round_hours": "of at least 20 activations 95 % or more have 5, 10, 15 … hours a week; those, of all",
            "no_records": "assigned more than 28 days ago, in the trial, and nothing of any kind is recorded; people",
            "activation_over_exit": "an activation covers a working day on which the person is out; people",
            "open_spell": "an activation, exemption, support effort or mentor has had no last day for more than 26"
            " weeks; spells of that kind",
            "reentry_due": "out of the trial, and a conversation that counts, or the start of an activation, is"
            " recorded after the exit; people",
            "same_person_twice": "a corrected CPR number showed that the person was drawn before; people",
        },
    ),
    "DeviationCode": CodeList(
        "How a week that is over departs from the protocol.",
        {
            "conversation_missing": "a conversation was due, and none counts",
            "remote_too_early": "held, but not in person in the weeks in which it should be",
            "remote_too_often": "held, but remote more often than is allowed",
            "mentor_only": "a conversation was due, and only the mentor held one",
            "wrong_place": "held in person, but not at the jobcentre in the weeks in which it should be",
            "started_late": "no conversation in the seven days after the assignment",
            "activation_missing": "an activation was due, and none covers the week",
            "hours_too_few": "activated for fewer hours than the minimum",
            "not_at_workplace": "activated, but not at a workplace and without a sufficient reason",
            "mentor_missing": "activated at a workplace without a mentor",
            "event_without_effect": "an exit while out, or a re-entry while in",
            "no_justification": "a conversation in another form than in person, without its justification",
        },
    ),
    "FailureCode": CodeList(
        "Why a person is not eligible.",
        {
            "not_match_group_2": "not in match group 2",
            "not_at_job_interview": "the assessment was not made at a job interview",
            "wrong_benefit": "does not receive a benefit that the trial is for",
            "under_20": "younger than 20 on the day",
            "in_stu": "in specially planned youth education",
            "pregnancy_related_illness": "ill because of a pregnancy",
            "residential_programme": "in a round-the-clock programme, or in release from prison",
            "exempt_from_everything": "exempt from both conversations and activation",
            "outside_intake_period": "the interview is outside the trial's intake period",
            "unknown_jobcentre": "the jobcentre does not take part",
            "unemployed_too_long": "unemployed for too long",
            "unemployed_too_short": "unemployed for too short a time",
            "not_available": "cannot be taken in here; no more is said",
            "after_first_follow_up": "the first follow-up conversation has been held already",
            "not_referred_to_flexjob": "not referred to a flex-job",
            "pension_case_started": "a pension case has been opened",
            "terminal_illness": "terminally ill",
            "treatment_prevents_offers": "a treatment rules out every offer",
            "wrong_target_group": "in no target group that the trial has picked",
        },
    ),
}
"""The name of the list in the contract, and its codes."""
