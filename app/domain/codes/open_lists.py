"""Open lists of codes: a later version may add codes, so a client treats an unknown code as text."""

from collections.abc import Mapping
from typing import Final

from app.domain.codes.code_list import CodeList

CODES: Final[Mapping[str, CodeList]] = {
    "EffectWarning": CodeList(
        "A limitation of the effects that readers must know.",
        {
            "no_outcomes": "no outcomes were sent; only exits and success criteria are known",
            "missing_outcomes": "for more than 5 % of an arm no outcome was sent for the week under analysis",
            "multiple_comparisons": (
                "many jobcentres are compared: one in twenty differs by chance alone; use `p_adjusted` and"
                " `heterogeneity`, and select no jobcentre by its difference"
            ),
            "few_jobcentres": "with fewer than 40 jobcentres the clustered intervals tend to be too narrow",
        },
    ),
    "FaultCode": CodeList(
        "The fault of a field in a request, or of a record in a batch.",
        {
            "missing_field": "a required field is missing",
            "unknown_field": "a field is unknown; the pointer ends at its parent",
            "invalid_value": "the field cannot have this value",
            "unknown_parameter": "the operation has no such query parameter",
            "repeated_parameter": "the query parameter takes one value, and is given twice",
            "invalid_json": "not JSON, or not an object where an object is required",
            "repeated_field": "a name occurs twice in one object; the pointer is the object's",
            "invalid_cpr": (
                "not a CPR number: ten digits that begin with the day of birth (a spreadsheet may have removed a zero)"
            ),
            "looks_like_cpr": (
                "the text holds ten digits that could be a CPR number; if they are none, put a letter before the first"
            ),
            "invalid_cvr": "not a CVR number (of a Danish company): eight digits, the last of them a check digit",
            "date_in_future": "the date is after the day of receipt in Copenhagen",
            "ends_before_start": "the last day is before the first",
            "hours_out_of_range": "hours a week must be above 0 and at most 60",
            "unknown_participant": "the person is not in the trial, or not yours; normal for a register integration",
            "not_drawn": "the person is not drawn",
            "other_jobcentre": "the person is at another jobcentre than that of the snapshot",
            "outside_span": "it starts on a day outside the snapshot",
            "event_order": "a presence event before the person's assignment",
            "revision_conflict": "the same revision is stored with other content: send a higher one",
            "not_found": "it is not there, or not yours",
            "form_not_accepted": "the form of the conversation does not count; this trial refuses it",
            "remote_too_early": "the first conversations must be in person; this trial refuses others",
            "conducted_by_mentor": "a mentor's conversation does not count; this trial refuses it",
            "hours_too_few": "fewer hours than the minimum; this trial refuses it",
            "not_at_workplace": "not at a workplace, without a sufficient reason; this trial refuses it",
        },
    ),
    "WarningCode": CodeList(
        "A rule that a record breaks when it is stored. Weeks and figures depend on all records together.",
        {
            "form_not_accepted": "the conversation's form does not count",
            "remote_too_early": "not in person in the weeks that require it, without an accepted ground",
            "remote_too_often": "more remote conversations than the protocol allows",
            "conducted_by_mentor": "a mentor's conversation does not count",
            "external_provider_not_accepted": "an external provider's conversations do not count at this jobcentre",
            "before_assignment": "not after the day of the assignment",
            "week_without_number": "the person is absent or exempt in that week, or has completed the course",
            "hours_too_few": "fewer hours than the minimum, without an accepted reason",
            "not_at_workplace": "not at a workplace, without a sufficient reason",
            "starts_late": "the first activation at a workplace starts later than it was due",
            "mentor_missing": "at a workplace, and the mentor status is unknown",
            "identical_line": "the snapshot has the same line more than once; it is one record",
        },
    ),
    "FindingCode": CodeList(
        "A possible error in the data of a jobcentre, and what `count` and `total` count. It changes no figure.",
        {
            "source_silent": "a client sent this kind before, and nothing for more than 14 days; days",
            "one_day": "of at least 20 conversations held in the last 8 weeks, 90 % or more are on one day of the week;"
            " those on that day, of all",
            "all_in_person": "at least 20 counting conversations after the weeks that require them in person, and"
            " all are in person; conversations",
            "round_hours": "of at least 20 activations, 95 % or more have 5, 10, 15 … hours a week; those, of all",
            "no_records": "assigned more than 28 days ago, in the trial, without any record; people",
            "activation_over_exit": "an activation covers a working day on which the person is out; people",
            "open_spell": "an activation, exemption, support effort or mentor has had no last day for more than 26"
            " weeks; spells of that kind",
            "reentry_due": "out of the trial, and a conversation that counts, or the start of an activation, is"
            " recorded after the exit; people",
            "same_person_twice": "a corrected CPR number showed that the person was drawn before; people",
            "number_corrected": "a corrected CPR number was accepted before this week; people",
            "correction_waiting": "when this week began, a corrected CPR number was requested and not decided; people",
            "ineligible_found": "an eligibility rule fails with the corrected CPR number; people",
            "told_by_nobody_else": "nobody but the jobcentre ever sent a record of a drawn person; those, of all drawn",
            "near_number": "the CPR number differs from another drawn person's in at most two digits; those, of all"
            " drawn",
            "withdrawn_before_another": "a candidate was withdrawn while another one of the week waited behind; those,"
            " of all candidates",
            "dated_long_before": "a screening was sent more than 14 days after its interview; those, of all screenings",
        },
    ),
    "DeviationCode": CodeList(
        "How a past week deviates from the protocol.",
        {
            "conversation_missing": "a conversation was due, and none counts",
            "remote_too_early": "held, but not in person in the weeks that require it",
            "remote_too_often": "held, but remote more often than the protocol allows",
            "mentor_only": "a conversation was due, and only the mentor held one",
            "wrong_place": "held in person, but not at the jobcentre in the weeks that require it",
            "started_late": "no conversation in the seven days after the assignment",
            "activation_missing": "activation was due, and none covers the week",
            "hours_too_few": "activation with fewer hours than the minimum",
            "not_at_workplace": "activation, but not at a workplace, without a sufficient reason",
            "mentor_missing": "activation at a workplace without a mentor",
            "event_without_effect": "an exit of a person who is out, or a re-entry of a person who is in",
            "no_justification": "a conversation that is not in person, without a justification",
        },
    ),
    "FailureCode": CodeList(
        "Why a person is not eligible.",
        {
            "not_match_group_2": "not in match group 2",
            "not_at_job_interview": "the assessment was not made at a job interview",
            "wrong_benefit": "does not receive a benefit that the trial covers",
            "under_20": "younger than 20 on the day",
            "in_stu": "in specially planned youth education",
            "pregnancy_related_illness": "ill because of a pregnancy",
            "residential_programme": "in a round-the-clock programme, or in release from prison",
            "exempt_from_everything": "exempt from both conversations and activation",
            "outside_intake_period": "the job interview is outside the trial's intake period",
            "unknown_jobcentre": "the jobcentre does not take part",
            "unemployed_too_long": "unemployed for too long",
            "unemployed_too_short": "unemployed for too short a time",
            "not_available": "not available for intake; the service gives no reason",
            "after_first_follow_up": "the first follow-up conversation has already taken place",
            "not_referred_to_flexjob": "not referred to a flex-job",
            "pension_case_started": "a pension case has been opened",
            "terminal_illness": "terminally ill",
            "treatment_prevents_offers": "a medical treatment rules out every offer",
            "wrong_target_group": "in no target group of the jobcentre",
        },
    ),
}
"""The name of the list in the contract, and its codes."""
