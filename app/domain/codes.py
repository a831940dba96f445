"""The words of the contract: every code with what it means, for integrators who meet the register for the first time.

``ENUMERATIONS`` are closed: a request with another value is refused. ``CODES`` are open: a later version may add to
them, so a client keeps an unknown one as text. Both become named components of the contract (``app.contract``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.web.problems import PROBLEMS


@dataclass(frozen=True, slots=True)
class Words:
    """One list of codes: what they are about, and what each of them means."""

    about: str
    meaning: Mapping[str | int, str]


TAGS: Final[Mapping[str, str]] = {
    "protocols": (
        "A protocol is the rule book of a trial as data: who is eligible, how often people are talked to, from which"
        " week they are activated, what the grant depends on. Every value stands beside its source."
    ),
    "trials": (
        "A trial applies a protocol to jobcentres between two dates. The agency creates and closes it. Its draws are"
        " concealed until it is closed, and can then be recomputed by anyone."
    ),
    "participants": (
        "People are screened, drawn to an arm, looked up, and seen week by week. A person is known by `participant_id`;"
        " a CPR number (the Danish personal identification number) is sent in bodies only, and never comes back."
    ),
    "records": (
        "What happened to people: conversations, activations, exemptions, presence events, support efforts, mentors,"
        " declined offers, outcomes. Facts are stored and the rules judge them: a record against the rules is kept, and"
        " the answer warns of it. Sending again is safe."
    ),
    "reports": "Figures of jobcentres, regions and the whole trial. They hold everything that was acknowledged before.",
    "panel": (
        "The pseudonymous panel for evaluators: person-weeks, baseline and draws, as JSON, JSON Lines, CSV or Parquet,"
        " in releases that stay as they were."
    ),
    "audit": (
        "Who did or read what, when: hash chains to which entries are only ever added, and their signed heads, by which"
        " anyone can tell that nothing was changed."
    ),
    "operation": "For those who run the service, not for integrators. No token is needed.",
}

SCOPES: Final[Mapping[str, str]] = {
    "participants:read": "people, their weeks and what is recorded of them but conversations and activations",
    "participants:write": "screening, draw and corrected CPR numbers; writing those records",
    "conversations:write": "conversations, read and written",
    "activations:write": "activations and outcomes, read and written",
    "reports:read": "figures of the jobcentres or regions that the token is bound to",
    "trials:write": "creating and closing trials, handing records over, freezing grant assessments",
    "panel:export": "the pseudonymous panel of person-weeks",
    "audit:read": "the audit trail and the published draws",
}

ENUMERATIONS: Final[Mapping[str, Words]] = {
    "Arm": Words(
        "The arm that a person was drawn to.",
        {
            "treatment": "takes part in the intensive course",
            "control": "gets what everybody gets; the yardstick of the comparison",
        },
    ),
    "Region": Words(
        "Employment region of a jobcentre.",
        {
            "nord": "Nord",
            "midtjylland": "Midtjylland",
            "syddanmark": "Syddanmark",
            "hovedstaden_sjaelland": "Hovedstaden og Sjælland",
        },
    ),
    "ReportSource": Words(
        "From where reports are read.",
        {
            "primary": "the database that is written to: they hold everything that was acknowledged before",
            "replica": "a replica of it: they hold everything up to the watermark that they state",
            "away": "a replica that does not answer, or follows nothing any more: reports are 503 meanwhile",
        },
    ),
    "Enforcement": Words(
        "What happens to a record that breaks the trial's rules.",
        {
            "flag": "it is stored, and the answer warns",
            "refuse": "it is rejected where the form or the hours are wrong",
        },
    ),
    "Channel": Words(
        "How a person came to be screened.",
        {
            "new_match": "newly assessed into match group 2",
            "rematch": "reassessed into match group 2",
            "supplement": "in match group 2 already; drawn only when a week's intake is too small",
        },
    ),
    "Benefit": Words(
        "The benefit that the person receives.",
        {
            "cash_benefit": "kontanthjælp",
            "start_benefit": "starthjælp",
            "sickness_benefit": "sygedagpenge",
            "other": "another benefit, or none",
        },
    ),
    "Circumstance": Words(
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
    "ExemptFrom": Words(
        "What the person is exempt from on the day of the screening. It decides eligibility, and creates no exemption.",
        {
            "none": "nothing",
            "conversations": "conversations",
            "activation": "activation",
            "both": "both, which makes the person ineligible",
        },
    ),
    "WithdrawalReason": Words(
        "Why an undrawn candidate is withdrawn.",
        {
            "job": "found a job",
            "moved": "moved away",
            "not_interviewed": "the interview was not held",
            "entered_in_error": "the screening should not have been sent",
        },
    ),
    "WeekState": Words(
        "What an ISO week of a person is. Only counted weeks move the person's programme forward.",
        {
            "assignment_week": "the week of the draw: programme week 1, in which nothing is due",
            "counted": "has a programme week number: at least three working days in the trial and not exempt from both",
            "absent": "fewer than three working days in the trial; the clock stands still",
            "exempt": "exempt from both conversations and activation; the clock stands still",
            "complete": "after the end of the course; nothing is due any more",
        },
    ),
    "ParticipantState": Words(
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
    "ConversationStatus": Words(
        "What became of a conversation.",
        {"held": "it was held", "no_show": "the person did not come", "cancelled": "it was called off"},
    ),
    "ConversationForm": Words(
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
    "ConversationPlace": Words(
        "Where the two met.",
        {
            "jobcentre": "at the jobcentre",
            "company": "at a company",
            "home": "at the person's home",
            "other": "elsewhere",
        },
    ),
    "ConductedBy": Words(
        "Who held the conversation.",
        {
            "caseworker": "the caseworker",
            "company_consultant": "the jobcentre's company consultant",
            "external_provider": "an external provider (anden aktør)",
            "mentor": "the mentor, which counts in few protocols",
        },
    ),
    "RemoteGround": Words(
        "Why a conversation was not in person.",
        {
            "illness": "the person was ill",
            "other_obstacle": "something else was in the way",
            "hospitalised": "the person was in hospital",
        },
    ),
    "ConversationFocus": Words(
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
    "ActivationType": Words(
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
    "CurveMeasure": Words(
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
    "OutcomeMeasure": Words(
        "What the effect analysis looks at.",
        {
            "employment": "employed in the week",
            "education": "in education in the week",
            "hours": "hours of employment in the week",
            "accumulated_hours": "hours of employment since the assignment week",
            "exit_to_job_or_education": "has left the trial for a job or education",
        },
    ),
    "Criterion": Words(
        "The success criteria of the trial, the best first.",
        {
            "job_or_education": "in a job or education and out of public support, in any week since the assignment",
            "part_time_job": "a part-time job with supplementary cash benefit",
            "workplace_activation": "wage subsidy or work placement at a workplace",
        },
    ),
    "Analysis": Words(
        "Who is looked at.",
        {
            "conditional": "people who are in the trial on all five working days of the week",
            "intention_to_treat": "everyone drawn, in the trial or out of it",
        },
    ),
    "ReducedHoursReason": Words(
        "Why an activation has fewer hours than the minimum.",
        {
            "health": "the person's health",
            "gradual_start": "it begins with few hours",
            "care": "care of others",
            "other": "another reason",
        },
    ),
    "NotWorkplaceReason": Words(
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
    "MentorStatus": Words(
        "Whether an activation has a mentor.",
        {"assigned": "a mentor is assigned", "waived": "done without, for a reason", "unknown": "not told"},
    ),
    "ExemptionScope": Words(
        "What the person is exempt from.",
        {"conversations": "conversations", "activation": "activation", "both": "both: the clock stands still"},
    ),
    "ExemptionGround": Words(
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
    "WorklistReason": Words(
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
    "SupportArea": Words(
        "Where a support effort helps.",
        {
            "company": "in dealing with the company",
            "social_services": "in dealing with the social services",
            "health": "in dealing with the health services",
        },
    ),
    "OutcomeStatus": Words(
        "What a person lived on in a week.",
        {
            "employed": "employed",
            "education": "in education",
            "benefit": "on a public benefit",
            "other": "none of these, or not known",
        },
    ),
    "PresenceEventKind": Words(
        "What a presence event is.",
        {
            "exit": "the person leaves the trial; the date is the first day out",
            "re_entry": "the person comes back; the date is the first day in",
            "rematch": "the person is assessed into another match group; it moves nobody",
        },
    ),
    "ExitReason": Words(
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
    "MatchGroup": Words(
        "How ready for the labour market the person was assessed to be.",
        {1: "ready for a job", 2: "ready for an effort", 3: "temporarily passive"},
    ),
    "RetractionReason": Words(
        "Why a record is taken back.",
        {
            "entered_in_error": "it should not have been sent",
            "duplicate": "it was sent under another id as well",
            "wrong_person": "it belongs to someone else",
        },
    ),
    "RetractionTold": Words(
        "Why a record does not stand, as it is told.",
        {
            "entered_in_error": "it should not have been sent",
            "duplicate": "it was sent under another id as well",
            "wrong_person": "it belongs to someone else",
            "moved": "in the change feed only: it has passed to a person or client where you do not see it",
        },
    ),
    "Outcome": Words(
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
    "WriteOutcome": Words(
        "What became of a record that was sent alone.",
        {
            "created": "stored for the first time",
            "updated": "stored in place of an earlier version",
            "unchanged": "stored already with this content",
            "retracted": "taken back, or held off if it should still come",
        },
    ),
    "ConditionStanding": Words(
        "How one condition of the grant stands.",
        {"met": "it is met", "not_met": "it is not met", "nothing_due": "nothing was due, which is not met"},
    ),
    "GroupBy": Words(
        "Whose figures make a row.",
        {"jobcentre": "each jobcentre's", "region": "each region's", "trial": "the whole trial's"},
    ),
    "AuditChain": Words(
        "In which of a jobcentre's two hash chains an entry stands.",
        {"writes": "what was written", "reads": "what was read"},
    ),
    "ReportLevel": Words(
        "How much of a batch is listed in the report.",
        {
            "default": "what was rejected, stale, or stored with warnings",
            "errors": "what was rejected or stale",
            "full": "every record",
        },
    ),
}

CODES: Final[Mapping[str, Words]] = {
    "EffectWarning": Words(
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
    "ProblemCode": Words(
        "The stable code of a problem.", {code: f"{kind.status}. {kind.detail}" for code, kind in PROBLEMS.items()}
    ),
    "FaultCode": Words(
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
    "WarningCode": Words(
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
    "FindingCode": Words(
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
    "DeviationCode": Words(
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
    "FailureCode": Words(
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
