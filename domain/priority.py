"""Priority from impact and urgency. 1 is the highest of 1 to 5 in all three."""

from __future__ import annotations

from domain.command import Case, require

BUILT_IN_MATRIX = "mean-rounded-up@1"


def priority_by_matrix(impact: int, urgency: int) -> int:
    """The mean of both, rounded up (towards the lower priority): impact 1 with urgency 2 is priority 2."""
    return (impact + urgency + 1) // 2


def settled_priority(
    impact: int, urgency: int, priority: int | None, matrix: str, case: Case
) -> int:
    """The priority that `matrix` gives. Raises CanNot when the order says another, or the matrix is not ours
    and the order says none: what another matrix gives cannot be asked until policies hold matrices.
    """
    if matrix != BUILT_IN_MATRIX:
        told = f"say the priority that {matrix} gives"
        require(priority is not None, "priority-needs-known-matrix", told, case)
        assert priority is not None
        return priority
    ours = priority_by_matrix(impact, urgency)
    told = f"{matrix} gives priority {ours} for impact {impact}, urgency {urgency}; got {priority}"
    require(priority in {None, ours}, "priority-by-matrix", told, case)
    return ours


def unknowable_matrix(matrix: str) -> tuple[str, ...]:
    return () if matrix == BUILT_IN_MATRIX else ("priority-by-matrix",)
