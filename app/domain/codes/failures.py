"""The failures of a screening by code, each as a sentence for people (domain 3.1, 6)."""

from collections.abc import Mapping

FAILURE_DETAILS: Mapping[str, str] = {
    "not_match_group_2": "The person must be assessed into match group 2.",
    "not_at_job_interview": "The assessment must be made at a job interview, not at the short first visit.",
    "wrong_benefit": "The person does not receive a benefit that the trial is for.",
    "under_20": "The person must be 20 or older on the day of the interview.",
    "in_stu": "The person is in specially planned youth education (STU).",
    "pregnancy_related_illness": "The person has a pregnancy-related illness.",
    "residential_programme": "The person is in a round-the-clock programme, or in release from prison.",
    "exempt_from_everything": "The person is exempt from both conversations and activation.",
    "outside_intake_period": "The interview is outside the trial's intake period.",
    "unknown_jobcentre": "The jobcentre does not take part in the trial.",
    "unemployed_too_long": "The person has been unemployed for too long.",
    "unemployed_too_short": "The person has not been unemployed for long enough.",
    "after_first_follow_up": "The first follow-up conversation has been held already.",
    "not_referred_to_flexjob": "The person is not referred to a flex-job.",
    "pension_case_started": "A pension case has been opened.",
    "terminal_illness": "The person is terminally ill.",
    "treatment_prevents_offers": "A treatment rules out every offer.",
    "wrong_target_group": "The jobcentre has not picked the person's target group.",
}
