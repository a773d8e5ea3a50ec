"""A deployment of an authorized change, at another time than the change was to happen or did."""

from __future__ import annotations

from replay.detection.reconciling import OfDeployments


class DeploymentOutsideWindow(OfDeployments):
    name = "deployment-outside-window"
    severity = "medium"
    breach = "outside"
    sentence = (
        "What is deployed is deployed in the window and during the implementation of its change."
    )
