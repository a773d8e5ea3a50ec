"""Every detector that runs. A new one is one line here."""

from __future__ import annotations

from replay.detection.accountability import Accountability
from replay.detection.approval_after_start import ApprovalAfterStart
from replay.detection.conflicting_grants import ConflictingGrants
from replay.detection.deployment_other_content import DeploymentOtherContent
from replay.detection.deployment_outside_window import DeploymentOutsideWindow
from replay.detection.detector import Detector
from replay.detection.lapsed_retro_approval import LapsedRetroApproval
from replay.detection.lapsed_review import LapsedReview
from replay.detection.late_facts import DatedAhead, RecordedLate
from replay.detection.leaver_with_grants import LeaverWithGrants
from replay.detection.lone_self_approval import LoneSelfApproval
from replay.detection.other_than_approved import OtherThanApproved
from replay.detection.outside_window import ImplementationOutsideWindow
from replay.detection.pauses import PauseBeforeBreach, PauseWithoutProof
from replay.detection.priority_lowered import PriorityLoweredAlone
from replay.detection.standard_change import StandardChangeOutsideModel
from replay.detection.unmatched_deployment import UnmatchedDeployment
from replay.detection.unratified_genesis import UnratifiedGenesis
from replay.detection.who_may import WhoMay

DETECTORS: tuple[Detector, ...] = (
    WhoMay(),
    LoneSelfApproval(),
    ApprovalAfterStart(),
    ImplementationOutsideWindow(),
    OtherThanApproved(),
    LapsedRetroApproval(),
    LapsedReview(),
    StandardChangeOutsideModel(),
    ConflictingGrants(),
    LeaverWithGrants(),
    Accountability(),
    PauseWithoutProof(),
    PauseBeforeBreach(),
    PriorityLoweredAlone(),
    RecordedLate(),
    DatedAhead(),
    UnratifiedGenesis(),
    UnmatchedDeployment(),
    DeploymentOutsideWindow(),
    DeploymentOtherContent(),
)
