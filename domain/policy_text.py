"""Cedar text: its rules, each with id, sentence and control, and where each of them begins.

Cedar's own validator speaks of `policy0`, `policy1` …, and tells no lines; people know a rule by its `@id`
and look for it by line. (https://docs.cedarpolicy.com/policies/syntax-grammar.html)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import cedarpy
import orjson

from domain.errors import Malformed

RULE_ID: Final = re.compile(r"[a-z][a-z0-9-]{2,63}")
_PIECE: Final = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|;|\n|.', re.DOTALL)
ROLE: Final = "Role"
WEIGHTS: Final = ("critical", "high", "medium", "low", "off")
USUAL: Final = "medium"
_RESOURCE: Final = {"Var": "resource"}


class Fault(NamedTuple):
    """`line` counts from 1 in the file `name`; `rule` is "" where no rule could be read."""

    name: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        rule = f" ({self.rule})" if self.rule else ""
        return f"{self.name}, line {self.line}{rule}: {self.message}"


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """One statement of a policy. `actions` None: it is about every action.

    `parsed`: Cedar's JSON form. `attributes`: members of the resource that its conditions read, None if they
    may read any; `roles`: the roles it names. `names_entities`: it names a principal or a resource by id.
    `finding`: how much it weighs when what a source observed breaks it; `off`: that is no finding.
    """

    id: str
    sentence: str
    control: str
    name: str
    line: int
    effect: str
    actions: frozenset[str] | None
    parsed: Mapping[str, Any]
    attributes: frozenset[str] | None
    roles: frozenset[str]
    names_entities: bool
    finding: str


def read_rules(texts: Mapping[str, str]) -> list[PolicyRule]:
    """All rules of the files, in order. Raises Malformed with Cedar's message and its place."""
    rules: list[PolicyRule] = []
    taken: dict[str, str] = {}
    for name, text in texts.items():
        for line, statement in statements(text):
            rule = _rule(name, line, statement)
            if rule.id in taken:
                raise _refused(Fault(name, line, rule.id, f"the id is taken in {taken[rule.id]}"))
            taken[rule.id] = f"{name}, line {line}"
            rules.append(rule)
    return rules


def statements(text: str) -> Iterator[tuple[int, str]]:
    """(line it begins on, statement). What stands behind the last semicolon comes last, unless it is blank."""
    line, begun, parts = 1, 0, []
    for match in _PIECE.finditer(text):
        piece = match[0]
        is_said = not (piece.isspace() or piece.startswith("//"))
        if is_said and not begun:
            begun = line
        if begun:
            parts.append(piece)
        line += piece.count("\n")
        if piece == ";":
            yield begun, "".join(parts)
            begun, parts = 0, []
    if begun:
        yield begun, "".join(parts)


def validate(texts: Mapping[str, str], schema: str) -> list[PolicyRule]:
    """The rules, once Cedar's validator passed every one of them against the schema.

    Raises Malformed with all faults, each with file, line, rule and Cedar's own message.
    """
    rules = read_rules(texts)
    by_name = {f"policy{number}": rule for number, rule in enumerate(rules)}
    found = cedarpy.validate_policies("\n".join(texts.values()), schema)
    faults: set[Fault] = set()
    for error in found.errors:
        rule = by_name.get(error.policy_id)
        if rule is None:
            faults.add(Fault("schema", 1, "", error.error))
        else:
            message = error.error.removeprefix(f"for policy `{error.policy_id}`, ")
            faults.add(Fault(rule.name, rule.line, rule.id, message))
    if faults or not found.validation_passed:
        raise _refused(*sorted(faults))
    return rules


def _refused(*faults: Fault) -> Malformed:
    return Malformed(
        "the policy is not valid: " + "; ".join(map(str, faults)),
        faults=[fault._asdict() for fault in faults],
    )


def _rule(name: str, line: int, statement: str) -> PolicyRule:
    try:
        parsed = _parsed(statement)
    except ValueError as error:
        raise _refused(Fault(name, line, "", str(error))) from None
    annotations = parsed.get("annotations", {})
    id_ = annotations.get("id") or ""
    if not RULE_ID.fullmatch(id_):
        message = 'expected an @id("…") of lower-case words joined by hyphens'
        raise _refused(Fault(name, line, "", message))
    if not annotations.get("sentence"):
        raise _refused(
            Fault(name, line, id_, 'expected a @sentence("…") that says it to an auditor')
        )
    finding = annotations.get("finding") or USUAL
    if finding not in WEIGHTS:
        told = f"expected @finding of {', '.join(WEIGHTS)}; got {finding!r}"
        raise _refused(Fault(name, line, id_, told))
    read = _Read()
    for condition in parsed["conditions"]:
        read.walk(condition["body"])
    for end in ("principal", "resource"):
        read.walk_scope(parsed[end])
    return PolicyRule(
        id=id_,
        sentence=annotations["sentence"],
        control=annotations.get("control", ""),
        name=name,
        line=line,
        effect=parsed["effect"],
        actions=_actions(parsed["action"]),
        parsed=parsed,
        attributes=None if read.any_attribute else frozenset(read.attributes),
        roles=frozenset(read.roles),
        names_entities=read.names_entities,
        finding=finding,
    )


def _parsed(statement: str) -> Mapping[str, Any]:
    """Raises ValueError, with Cedar's message."""
    told = orjson.loads(cedarpy.policies_to_json_str(statement))
    if told["templates"]:
        raise ValueError("expected no template: ?principal and ?resource stand for nothing here")
    (parsed,) = told["staticPolicies"].values()
    return dict(parsed)


def _actions(scope: Mapping[str, Any]) -> frozenset[str] | None:
    if scope["op"] == "All":
        return None
    entities = [scope["entity"]] if "entity" in scope else scope["entities"]
    return frozenset(str(entity["id"]) for entity in entities)


class _Read:
    """What a rule reads, found by walking Cedar's JSON form."""

    def __init__(self) -> None:
        self.attributes: set[str] = set()
        self.any_attribute = False
        self.roles: set[str] = set()
        self.names_entities = False

    def walk_scope(self, scope: Mapping[str, Any]) -> None:
        if "entity" in scope:
            self._entity(scope["entity"])
        if "in" in scope:  # `principal is Principal in Role::"…"`
            self._entity(scope["in"]["entity"])

    def walk(self, node: Any) -> None:
        if isinstance(node, list):
            for one in node:
                self.walk(one)
        elif node == _RESOURCE:
            self.any_attribute = True
        elif isinstance(node, dict):
            if "__entity" in node:
                self._entity(node["__entity"])
            for operator, told in node.items():
                if operator in {".", "has"} and told["left"] == _RESOURCE:
                    self.attributes.add(str(told["attr"]))
                else:
                    self.walk(told)

    def _entity(self, entity: Mapping[str, Any]) -> None:
        if entity["type"] == ROLE:
            self.roles.add(str(entity["id"]))
        else:
            self.names_entities = True
