"""A deployment of something else than what was approved."""

from __future__ import annotations

from replay.detection.reconciling import OfDeployments


class DeploymentOtherContent(OfDeployments):
    name = "deployment-other-content"
    severity = "high"
    breach = "other-content"
    sentence = "What is deployed is what was approved, by its content and its commits."
