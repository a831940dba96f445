"""Closed lists of codes: the service refuses a request with any other value (422 ``invalid_value``)."""

from collections.abc import Mapping
from typing import Final

from app.domain.codes.activation_codes import ACTIVATION_CODES
from app.domain.codes.code_list import CodeList
from app.domain.codes.correction_codes import CORRECTION_CODES

ENUMERATIONS: Final[Mapping[str, CodeList]] = {
    "Arm": CodeList(
        "The arm of a person.",
        {
            "treatment": "takes the intensive course",
            "control": "receives the ordinary services; the basis of the comparison",
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
    "TableDialect": CodeList(
        "How CSV is written.",
        {"da": "semicolons, a decimal comma and a byte order mark, as Danish spreadsheet programs read it"},
    ),
    "Execution": CodeList(
        "How the service runs the rules.",
        {
            "compiled": "compiled, from a wheel or the image",
            "interpreted": "interpreted, which is slower: from a checkout, or a wheel built without a C compiler",
        },
    ),
    "ReportSource": CodeList(
        "The database from which the service reads reports.",
        {
            "primary": "the primary database: reports include every acknowledged write",
            "replica": "a replica: reports include every write up to their watermark",
            "away": "a replica that does not respond or no longer follows the primary: reports return 503",
        },
    ),
    "Enforcement": CodeList(
        "How the service treats a record that breaks the trial's rules.",
        {
            "flag": "it stores the record and returns a warning",
            "refuse": "it rejects a record with a wrong form, conductor, place or number of hours",
        },
    ),
    "Theme": CodeList(
        "What a jobcentre tries in its conversations (flexible conversations).",
        {"form": "the form", "content": "the content", "cadence": "how often"},
    ),
    "Channel": CodeList(
        "Why the person was screened.",
        {
            "new_match": "newly assessed into match group 2",
            "rematch": "reassessed into match group 2",
            "supplement": "already in match group 2; drawn only if a week's intake is too small",
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
        "A circumstance that affects eligibility in some protocols.",
        {
            "in_stu": "in specially planned youth education (STU)",
            "pregnancy_related_illness": "ill because of a pregnancy",
            "residential_programme": "in a round-the-clock programme, or in release from prison",
            "after_first_follow_up": "the first follow-up conversation has already taken place",
            "referred_to_flexjob": "referred to a flex-job",
            "pension_case_started": "a pension case has been opened",
            "terminal_illness": "terminally ill",
            "treatment_prevents_offers": "a medical treatment rules out every offer",
        },
    ),
    "ExemptFrom": CodeList(
        "The person's exemption on the day of the screening. It only affects eligibility; it is no exemption record.",
        {
            "none": "nothing",
            "conversations": "conversations",
            "activation": "activation",
            "both": "both; the person is not eligible",
        },
    ),
    "WithdrawalReason": CodeList(
        "Why an undrawn candidate is withdrawn.",
        {
            "job": "found a job",
            "moved": "moved away",
            "not_interviewed": "the job interview did not take place",
            "entered_in_error": "the screening was sent by mistake",
        },
    ),
    **CORRECTION_CODES,
    "WeekState": CodeList(
        "The state of an ISO week of a person. After the assignment week only counted weeks get a number.",
        {
            "assignment_week": "the week of the draw: programme week 1; nothing is due",
            "counted": "at least three working days in the trial and not exempt from both; has a programme week number",
            "absent": "fewer than three working days in the trial; has no programme week number",
            "exempt": "exempt from both conversations and activation; has no programme week number",
            "complete": "after the end of the course; nothing is due",
        },
    ),
    "ParticipantState": CodeList(
        "The state of the current week of a person, or the state of a person who is not drawn.",
        {
            "assignment_week": "drawn this week",
            "counted": "in the course this week",
            "absent": "out of the trial this week",
            "exempt": "exempt this week",
            "complete": "has completed the course",
            "waiting": "eligible through the supplement channel, not drawn yet",
            "withdrawn": "withdrawn before a draw",
            "ineligible": "not eligible by a later screening",
            "duplicate": "the same person was drawn before; in no figure",
        },
    ),
    "ConversationStatus": CodeList(
        "Whether a conversation took place.",
        {"held": "it took place", "no_show": "the person did not come", "cancelled": "it was cancelled"},
    ),
    "ConversationForm": CodeList(
        "The form of a conversation.",
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
        "The place of a conversation.",
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
            "external_provider": "an external provider (*anden aktør*)",
            "mentor": "the mentor; counts in few protocols only",
        },
    ),
    "RemoteGround": CodeList(
        "Why a conversation was not in person.",
        {
            "illness": "the person was ill",
            "other_obstacle": "another obstacle",
            "hospitalised": "the person was in hospital",
        },
    ),
    "ConversationFocus": CodeList(
        "A subject of a conversation.",
        {
            "clarification": "clarifying the person's situation",
            "motivation": "motivation",
            "preparation": "preparing an activation",
            "follow_up": "following up an activation",
            "retention": "staying at the workplace",
            "progression": "the next step",
            "transition_to_job": "the transition into a job",
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
        "What an activity curve measures in a week of a person.",
        {
            "conversation": "a conversation that counts",
            "activation": "activation with enough hours, or with an accepted reason for fewer",
            "workplace": "activation as above, at a workplace",
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
        "What the effect analysis measures.",
        {
            "employment": "employed in the week",
            "education": "in education in the week",
            "hours": "hours of employment in the week",
            "accumulated_hours": "hours of employment since the assignment week",
            "exit_to_job_or_education": "has left the trial for a job or education",
        },
    ),
    "Criterion": CodeList(
        "A success criterion of the trial; the first is the best.",
        {
            "job_or_education": "in a job or education without public support, in any week since the assignment",
            "job": "in a job without public support, in any week since the assignment",
            "flex_job": "in a flex-job, in any week since the assignment",
            "part_time_job": "a part-time job with supplementary benefit",
            "partial_return": "partly back at work (delvis raskmelding)",
            "workplace_activation": "wage subsidy or work placement at a workplace",
            "active_offer": "any offer of activation",
        },
    ),
    "Analysis": CodeList(
        "The people in the analysis.",
        {
            "conditional": "people in the trial on all five working days of the week",
            "intention_to_treat": "everyone drawn, including people who left",
        },
    ),
    **ACTIVATION_CODES,
    "ExemptionScope": CodeList(
        "What the person is exempt from.",
        {
            "conversations": "conversations",
            "activation": "activation",
            "both": "both; weeks get no programme week number",
        },
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
    "MissingReason": CodeList(
        "Why a due conversation is missing: the first that applies to the week.",
        {
            "no_show": "the person did not attend one",
            "cancelled": "one was cancelled",
            "mentor_only": "only the mentor held one",
            "not_accepted": "one was held in a form, or by someone, that does not count",
            "nothing": "nothing is recorded",
        },
    ),
    "WorklistReason": CodeList(
        "What the jobcentre has to do for a person in a week.",
        {
            "no_conversation_this_week": "a conversation is due, and no counting conversation is recorded yet",
            "no_conversation_yet": "no counting conversation since the assignment",
            "activation_to_arrange": "activation is due now or within two programme weeks, and none is recorded",
            "remote_used_up": "one more remote conversation would exceed the limit",
            "exemption_ends": "an exemption ends in the week",
            "no_contact_person": "the person has no contact person",
        },
    ),
    "SupportArea": CodeList(
        "The area of a support effort.",
        {
            "company": "cooperation with the company",
            "social_services": "cooperation with the social services",
            "health": "cooperation with the health services",
        },
    ),
    "OutcomeStatus": CodeList(
        "The main status of a person in a week.",
        {
            "employed": "employed",
            "flex_job": "in a flex-job",
            "education": "in education",
            "benefit": "on a public benefit",
            "other": "none of these, or unknown",
        },
    ),
    "PresenceEventKind": CodeList(
        "The kind of a presence event.",
        {
            "exit": "the person leaves the trial; the date is the first day out",
            "re_entry": "the person returns; the date is the first day in",
            "rematch": "the person is assessed into another match group; changes no presence",
        },
    ),
    "ExitReason": CodeList(
        "Why a person left.",
        {
            "match_group_3": "assessed into match group 3",
            "job": "found a job",
            "education": "started an education",
            "moved": "moved to a municipality outside the trial",
            "benefit_ended": "the benefit ended",
            "deceased": "died",
        },
    ),
    "MatchGroup": CodeList(
        "The person's readiness for the labour market, as assessed.",
        {1: "ready for a job", 2: "ready for activation", 3: "temporarily passive"},
    ),
    "HoldReason": CodeList(
        "Why nothing of a snapshot is applied.",
        {
            "unreadable_line": "a line cannot be read, so it may be any spell",
            "too_many_removals": "more would be taken back than `accept_removals`, or than a tenth of what is stored",
            "person_without_spells": "somebody would lose every spell, and `accept_removals` was left out",
        },
    ),
    "RetractionReason": CodeList(
        "Why the sender retracts a record.",
        {
            "entered_in_error": "it was sent by mistake",
            "duplicate": "it was also sent under another id",
            "wrong_person": "it concerns another person",
        },
    ),
    "RetractionTold": CodeList(
        "Why a record is retracted.",
        {
            "entered_in_error": "it was sent by mistake",
            "duplicate": "it was also sent under another id",
            "wrong_person": "it concerns another person",
            "moved": "in the change feed only: it now belongs to a person or client that you do not see",
        },
    ),
    "Outcome": CodeList(
        "The outcome of a record in a batch.",
        {
            "created": "stored for the first time",
            "updated": "stored as a new version",
            "unchanged": "already stored with this content",
            "stale": "not stored: a higher revision is stored",
            "retracted": "retracted; a record that arrives later is not stored",
            "rejected": "not stored: see `errors`",
        },
    ),
    "WriteOutcome": CodeList(
        "The outcome of a record that was sent alone.",
        {
            "created": "stored for the first time",
            "updated": "stored as a new version",
            "unchanged": "already stored with this content",
            "retracted": "retracted; a record that arrives later is not stored",
        },
    ),
    "ConditionStanding": CodeList(
        "Whether a condition of the grant is met.",
        {"met": "it is met", "not_met": "it is not met", "nothing_due": "nothing was due; counts as not met"},
    ),
    "GroupBy": CodeList(
        "How figures are grouped into rows.",
        {"jobcentre": "one row per jobcentre", "region": "one row per region", "trial": "one row for the whole trial"},
    ),
    "AuditChain": CodeList(
        "One of the two hash chains of a jobcentre.",
        {"writes": "entries about writes", "reads": "entries about reads"},
    ),
    "ReportLevel": CodeList(
        "Which records the report of a batch lists.",
        {
            "default": "rejected, stale, or stored with warnings",
            "errors": "rejected or stale",
            "full": "every record",
        },
    ),
}
"""The name of the list in the contract, and its codes."""
