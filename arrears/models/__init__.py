"""Arrears: policy, stages, what was told, what holds them back, disconnection, and what comes after."""

from arrears.choices import CloseReason, Proof, Stage
from arrears.models.aftermath import (
    ESCALATION_MACHINE,
    Escalation,
    EscalationCause,
    EscalationHistory,
    EscalationPack,
    EscalationSource,
    EscalationState,
    ReinstallOverride,
    ReinstallRule,
    WriteOff,
)
from arrears.models.cases import ArrearsCase, CaseNotice, StageChange
from arrears.models.ends import AuthorityApproval, AuthorityOrder, ConfirmedEnd, LawfulEnd
from arrears.models.evidence import EvidenceRoot, EvidenceSeal, SealedRow, SealFailure
from arrears.models.plans import (
    PLAN_MACHINE,
    DisconnectPlan,
    LineState,
    PlanApproval,
    PlanLine,
    PlanState,
    Warrant,
    WarrantProof,
)
from arrears.models.policies import STAGE_MACHINE, STAGES, Policy, PolicyNotice, PolicyStage
from arrears.models.reliefs import PROMISE_MACHINE, Exemption, ExemptionReason, Promise, PromiseState

__all__ = [
    "ArrearsCase",
    "AuthorityApproval",
    "AuthorityOrder",
    "CaseNotice",
    "CloseReason",
    "ConfirmedEnd",
    "DisconnectPlan",
    "ESCALATION_MACHINE",
    "Escalation",
    "EscalationCause",
    "EscalationHistory",
    "EscalationPack",
    "EscalationSource",
    "EscalationState",
    "EvidenceRoot",
    "EvidenceSeal",
    "Exemption",
    "ExemptionReason",
    "LawfulEnd",
    "LineState",
    "PLAN_MACHINE",
    "PROMISE_MACHINE",
    "PlanApproval",
    "PlanLine",
    "PlanState",
    "Policy",
    "PolicyNotice",
    "PolicyStage",
    "Promise",
    "PromiseState",
    "Proof",
    "ReinstallOverride",
    "ReinstallRule",
    "STAGES",
    "SealFailure",
    "SealedRow",
    "STAGE_MACHINE",
    "Stage",
    "StageChange",
    "Warrant",
    "WarrantProof",
    "WriteOff",
]
