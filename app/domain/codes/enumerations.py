"""Closed lists of codes: the service refuses a request with any other value (422 ``invalid_value``)."""

from collections.abc import Mapping
from typing import Final

from app.domain.codes.code_list import CodeList

ENUMERATIONS: Final[Mapping[str, CodeList]] = {
    "Arm": CodeList(
        "The arm that a person was drawn to.",
        {
            "treatment": "takes part in the intensive course",
            "control": "gets what everybody gets; the yardstick of the comparison",
        },
    ),
    "Region": CodeList(
        "Employment region of a jobcentre.",
        {
            "nord": "Nord",
            "midtjylland": "Midtjylland",
            "syddanmark": "Syddanmark",
            "hovedstaden_sjaelland": "Hovedstaden og Sjælland",
        },
    ),
    "ReportSource": CodeList(
        "From where reports are read.",
        {
            "primary": "the database that is written to: they hold everything that was acknowledged before",
            "replica": "a replica of it: they hold everything up to the watermark that they state",
            "away": "a replica that does not answer, or follows nothing any more: reports are 503 meanwhile",
        },
    ),
    "Enforcement": CodeList(
        "What happens to a record that breaks the trial's rules.",
        {
            "flag": "it is stored, and the answer warns",
            "refuse": "it is rejected where the form or the hours are wrong",
        },
    ),
    "Channel": CodeList(
        "How a person came to be screened.",
        {
            "new_match": "newly assessed into match group 2",
            "rematch": "reassessed into match group 2",
            "supplement": "in match group 2 already; drawn only when a week's intake is too small",
        },
    ),
    "Benefit": CodeList(
        "The benefit that the person receives.",
        {
            "cash_benefit": "kontanthjælp",
            "start_benefit": "starthjælp",
            "sickness_benefit": "sygedagpenge",
            "other": "another benefit, or none",
        },
    ),
    "Circumstance": CodeList(
        "A circumstance that decides eligibility in some protocols.",
        {
            "in_stu": "in specially planned youth education (STU)",
            "pregnancy_related_illness": "ill because of a pregnancy",
            "residential_programme": "in a round-the-clock programme, or in release from prison",
            "after_first_follow_up": "the first follow-up conversation has been held already",
            "referred_to_flexjob": "referred to a flex-job",
            "pension_case_started": "a pension case has been opened",
            "terminal_illness": "terminally ill",
            "treatment_prevents_offers": "a treatment rules out every offer",
        },
    ),
    "ExemptFrom": CodeList(
        "What the person is exempt from on the day of the screening. It decides eligibility, and creates no exemption.",
        {
            "none": "nothing",
            "conversations": "conversations",
            "activation": "activation",
            "both": "both, which makes the person ineligible",
        },
    ),
    "WithdrawalReason": CodeList(
        "Why an undrawn candidate is withdrawn.",
        {
            "job": "found a job",
            "moved": "moved away",
            "not_interviewed": "the interview was not held",
            "entered_in_error": "the screening should not have been sent",
        },
    ),
    "WeekState": CodeList(
        "What an ISO week of a person is. Only counted weeks move the person's programme forward.",
        {
            "assignment_week": "the week of the draw: programme week 1, in which nothing is due",
            "counted": "has a programme week number: at least three working days in the trial and not exempt from both",
            "absent": "fewer than three working days in the trial; the clock stands still",
            "exempt": "exempt from both conversations and activation; the clock stands still",
            "complete": "after the end of the course; nothing is due any more",
        },
    ),
    "ParticipantState": CodeList(
        "The state of the week that today lies in, or of someone who was not drawn.",
        {
            "assignment_week": "drawn this week",
            "counted": "in the course this week",
            "absent": "out of the trial this week",
            "exempt": "exempt this week",
            "complete": "through with the course",
            "waiting": "eligible by the supplement channel, and not drawn yet",
            "withdrawn": "withdrawn before a draw",
            "ineligible": "no longer eligible by a later screening",
            "duplicate": "turned out to be a person drawn before; in no figure",
        },
    ),
    "ConversationStatus": CodeList(
        "What became of a conversation.",
        {"held": "it was held", "no_show": "the person did not come", "cancelled": "it was called off"},
    ),
    "ConversationForm": CodeList(
        "How the two met.",
        {
            "in_person": "face to face",
            "telephone": "by telephone",
            "digital": "by video, e-mail or text",
            "group": "in a group",
            "industry_meeting": "at a meeting about an industry",
            "other": "in another way",
        },
    ),
    "ConversationPlace": CodeList(
        "Where the two met.",
        {
            "jobcentre": "at the jobcentre",
            "company": "at a company",
            "home": "at the person's home",
            "other": "elsewhere",
        },
    ),
    "ConductedBy": CodeList(
        "Who held the conversation.",
        {
            "caseworker": "the caseworker",
            "company_consultant": "the jobcentre's company consultant",
            "external_provider": "an external provider (anden aktør)",
            "mentor": "the mentor, which counts in few protocols",
        },
    ),
    "RemoteGround": CodeList(
        "Why a conversation was not in person.",
        {
            "illness": "the person was ill",
            "other_obstacle": "something else was in the way",
            "hospitalised": "the person was in hospital",
        },
    ),
    "ConversationFocus": CodeList(
        "What a conversation was about.",
        {
            "clarification": "clarifying the situation",
            "motivation": "motivation",
            "preparation": "preparing an activation",
            "follow_up": "following up an activation",
            "retention": "staying at the workplace",
            "progression": "the next step",
            "transition_to_job": "the way into a job",
        },
    ),
    "ActivationType": CodeList(
        "The kind of activation. The first five are at a workplace.",
        {
            "part_time_job": "part-time job with supplementary benefit",
            "wage_subsidy_public": "wage subsidy with a public employer",
            "wage_subsidy_private": "wage subsidy with a private employer",
            "work_placement_public": "work placement with a public employer",
            "work_placement_private": "work placement with a private employer",
            "guidance_and_upskilling": "guidance and upskilling",
            "other_offer": "another offer",
            "partial_return": "partial return to work from sickness",
            "preventive_offer": "preventive offer during sickness",
        },
    ),
    "CurveMeasure": CodeList(
        "What an activity curve looks at, in a week of a person.",
        {
            "conversation": "a conversation that counts",
            "activation": "active: enough hours of activation, or an accepted reason for fewer",
            "workplace": "active, and at a workplace",
            "part_time_job": "a part-time job with supplementary benefit, whatever the hours",
            "wage_subsidy_public": "wage subsidy with a public employer, whatever the hours",
            "wage_subsidy_private": "wage subsidy with a private employer, whatever the hours",
            "work_placement_public": "work placement with a public employer, whatever the hours",
            "work_placement_private": "work placement with a private employer, whatever the hours",
            "guidance_and_upskilling": "guidance and upskilling, whatever the hours",
            "other_offer": "another offer, whatever the hours",
            "partial_return": "partial return to work from sickness, whatever the hours",
            "preventive_offer": "preventive offer during sickness, whatever the hours",
        },
    ),
    "OutcomeMeasure": CodeList(
        "What the effect analysis looks at.",
        {
            "employment": "employed in the week",
            "education": "in education in the week",
            "hours": "hours of employment in the week",
            "accumulated_hours": "hours of employment since the assignment week",
            "exit_to_job_or_education": "has left the trial for a job or education",
        },
    ),
    "Criterion": CodeList(
        "The success criteria of the trial, the best first.",
        {
            "job_or_education": "in a job or education and out of public support, in any week since the assignment",
            "part_time_job": "a part-time job with supplementary cash benefit",
            "workplace_activation": "wage subsidy or work placement at a workplace",
        },
    ),
    "Analysis": CodeList(
        "Who is looked at.",
        {
            "conditional": "people who are in the trial on all five working days of the week",
            "intention_to_treat": "everyone drawn, in the trial or out of it",
        },
    ),
    "ReducedHoursReason": CodeList(
        "Why an activation has fewer hours than the minimum.",
        {
            "health": "the person's health",
            "gradual_start": "it begins with few hours",
            "care": "care of others",
            "other": "another reason",
        },
    ),
    "NotWorkplaceReason": CodeList(
        "Why an activation is not at a workplace. The last three are recorded, and are no sufficient reason.",
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
        {"assigned": "a mentor is assigned", "waived": "done without, for a reason", "unknown": "not told"},
    ),
    "ExemptionScope": CodeList(
        "What the person is exempt from.",
        {"conversations": "conversations", "activation": "activation", "both": "both: the clock stands still"},
    ),
    "ExemptionGround": CodeList(
        "The ground of an exemption.",
        {
            "illness": "illness",
            "parental_leave": "parental leave",
            "child_care": "no child care",
            "care_of_relative": "care of a close relative",
            "military_service": "military service",
            "sentence": "serving a sentence",
            "stu": "specially planned youth education",
            "job_starts": "a job starts soon",
            "holiday": "holiday",
            "offer_not_reasonable": "the offer is not reasonable",
            "other": "another ground",
        },
    ),
    "WorklistReason": CodeList(
        "What is to be done for a person in a week.",
        {
            "no_conversation_this_week": "a conversation is due, and none that counts is recorded yet",
            "no_conversation_yet": "there was no counting conversation since the assignment",
            "activation_to_arrange": "activation becomes due within two programme weeks, or is due, and there is none",
            "remote_used_up": "one more conversation that is not in person would be too often",
            "exemption_ends": "an exemption ends in the week",
            "no_contact_person": "no contact person is named",
        },
    ),
    "SupportArea": CodeList(
        "Where a support effort helps.",
        {
            "company": "in dealing with the company",
            "social_services": "in dealing with the social services",
            "health": "in dealing with the health services",
        },
    ),
    "OutcomeStatus": CodeList(
        "What a person lived on in a week.",
        {
            "employed": "employed",
            "education": "in education",
            "benefit": "on a public benefit",
            "other": "none of these, or not known",
        },
    ),
    "PresenceEventKind": CodeList(
        "What a presence event is.",
        {
            "exit": "the person leaves the trial; the date is the first day out",
            "re_entry": "the person comes back; the date is the first day in",
            "rematch": "the person is assessed into another match group; it moves nobody",
        },
    ),
    "ExitReason": CodeList(
        "Why a person left.",
        {
            "match_group_3": "assessed into match group 3",
            "job": "found a job",
            "education": "began an education",
            "moved": "moved to a municipality outside the trial",
            "benefit_ended": "the benefit ended",
            "deceased": "died",
        },
    ),
    "MatchGroup": CodeList(
        "How ready for the labour market the person was assessed to be.",
        {1: "ready for a job", 2: "ready for an effort", 3: "temporarily passive"},
    ),
    "RetractionReason": CodeList(
        "Why a record is taken back.",
        {
            "entered_in_error": "it should not have been sent",
            "duplicate": "it was sent under another id as well",
            "wrong_person": "it belongs to someone else",
        },
    ),
    "RetractionTold": CodeList(
        "Why a record does not stand, as it is told.",
        {
            "entered_in_error": "it should not have been sent",
            "duplicate": "it was sent under another id as well",
            "wrong_person": "it belongs to someone else",
            "moved": "in the change feed only: it has passed to a person or client where you do not see it",
        },
    ),
    "Outcome": CodeList(
        "What became of a record in a batch.",
        {
            "created": "stored for the first time",
            "updated": "stored in place of an earlier version",
            "unchanged": "stored already with this content",
            "stale": "not stored: a higher revision is",
            "retracted": "taken back, or held off if it should still come",
            "rejected": "not stored: see `errors`",
        },
    ),
    "WriteOutcome": CodeList(
        "What became of a record that was sent alone.",
        {
            "created": "stored for the first time",
            "updated": "stored in place of an earlier version",
            "unchanged": "stored already with this content",
            "retracted": "taken back, or held off if it should still come",
        },
    ),
    "ConditionStanding": CodeList(
        "How one condition of the grant stands.",
        {"met": "it is met", "not_met": "it is not met", "nothing_due": "nothing was due, which is not met"},
    ),
    "GroupBy": CodeList(
        "Whose figures make a row.",
        {"jobcentre": "each jobcentre's", "region": "each region's", "trial": "the whole trial's"},
    ),
    "AuditChain": CodeList(
        "In which of a jobcentre's two hash chains an entry stands.",
        {"writes": "what was written", "reads": "what was read"},
    ),
    "ReportLevel": CodeList(
        "How much of a batch is listed in the report.",
        {
            "default": "what was rejected, stale, or stored with warnings",
            "errors": "what was rejected or stale",
            "full": "every record",
        },
    ),
}
"""The name of the list in the contract, and its codes."""
