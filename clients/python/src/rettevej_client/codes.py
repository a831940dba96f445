"""Closed enumerations of the contract, under its names. Codes of open lists (faults, warnings …) are ``str``."""

from typing import Literal

__all__ = [
    "Analysis",
    "Arm",
    "Benefit",
    "Channel",
    "Circumstance",
    "ConditionStanding",
    "ConversationForm",
    "CorrectionReason",
    "CorrectionStatus",
    "CurveMeasure",
    "Enforcement",
    "ExemptFrom",
    "ExemptionGround",
    "ExemptionScope",
    "ExitReason",
    "GroupBy",
    "MissingReason",
    "ParticipantChange",
    "ParticipantState",
    "Region",
    "RetractionReason",
    "RetractionTold",
    "Theme",
    "WeekState",
    "WithdrawalReason",
    "WorklistReason",
    "WriteOutcome",
]

Analysis = Literal["conditional", "intention_to_treat"]
"""Which weeks of the curve are compared."""
Arm = Literal["treatment", "control"]
"""Arm of the trial."""
Benefit = Literal["cash_benefit", "start_benefit", "sickness_benefit", "other"]
"""Benefit at the job interview."""
Channel = Literal["new_match", "rematch", "supplement"]
"""How the person came to the job interview."""
Circumstance = Literal[
    "in_stu",
    "pregnancy_related_illness",
    "residential_programme",
    "after_first_follow_up",
    "referred_to_flexjob",
    "pension_case_started",
    "terminal_illness",
    "treatment_prevents_offers",
]
"""Circumstance of a person at the screening."""
ConditionStanding = Literal["met", "not_met", "nothing_due"]
"""Standing of one condition of the grant."""
ConversationForm = Literal["in_person", "telephone", "digital", "group", "industry_meeting", "other"]
"""Form of a conversation."""
CurveMeasure = Literal[
    "conversation",
    "activation",
    "workplace",
    "part_time_job",
    "wage_subsidy_public",
    "wage_subsidy_private",
    "work_placement_public",
    "work_placement_private",
    "guidance_and_upskilling",
    "other_offer",
    "partial_return",
    "preventive_offer",
]
"""What an activity curve counts."""
Enforcement = Literal["flag", "refuse"]
"""Whether records against the rules are stored with warnings, or refused."""
ExemptFrom = Literal["none", "conversations", "activation", "both"]
"""What the person is exempt from at the screening."""
ExemptionGround = Literal[
    "illness",
    "parental_leave",
    "child_care",
    "care_of_relative",
    "military_service",
    "sentence",
    "stu",
    "job_starts",
    "holiday",
    "offer_not_reasonable",
    "other",
]
"""Ground of an exemption."""
ExemptionScope = Literal["conversations", "activation", "both"]
"""Scope of an exemption."""
ExitReason = Literal["match_group_3", "job", "education", "moved", "benefit_ended", "deceased"]
"""Reason of an exit."""
GroupBy = Literal["jobcentre", "region", "trial"]
"""Grouping of a summary."""
MissingReason = Literal["no_show", "cancelled", "mentor_only", "not_accepted", "nothing"]
"""Why a due conversation is missing."""
ParticipantChange = Literal["drawn", "number_changed", "duplicate", "handed_over", "withdrawn", "erased"]
"""What changed of a participant, in the change feed."""
ParticipantState = Literal[
    "assignment_week", "counted", "absent", "exempt", "complete", "waiting", "withdrawn", "ineligible", "duplicate"
]
"""State of a participant today."""
Region = Literal["nord", "midtjylland", "syddanmark", "hovedstaden_sjaelland"]
"""Region of a jobcentre."""
RetractionReason = Literal["entered_in_error", "duplicate", "wrong_person"]
"""Reason of a retraction."""
RetractionTold = Literal["entered_in_error", "duplicate", "wrong_person", "moved"]
"""Reason of a retraction in an answer; ``moved`` occurs in the change feed only."""
Theme = Literal["form", "content", "cadence"]
"""What a jobcentre tries in its conversations."""
WeekState = Literal["assignment_week", "counted", "absent", "exempt", "complete"]
"""State of a person's week."""
CorrectionReason = Literal["typing_error", "new_number"]
"""Why a CPR number is corrected."""
CorrectionStatus = Literal["waiting", "accepted", "refused", "replaced", "cancelled"]
"""Status of a request for a corrected CPR number."""
WithdrawalReason = Literal["job", "moved", "not_interviewed", "entered_in_error"]
"""Reason of a withdrawal."""
WorklistReason = Literal[
    "no_conversation_this_week",
    "no_conversation_yet",
    "activation_to_arrange",
    "remote_used_up",
    "exemption_ends",
    "no_contact_person",
]
"""Reason for an entry of the worklist."""
WriteOutcome = Literal["created", "updated", "unchanged", "retracted"]
"""Outcome of a single write."""
