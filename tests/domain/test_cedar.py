"""Evaluating a policy: which rules decide, what a rule that fails does, and that remembering changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import domain.catalogue  # noqa: F401 - the policy's schema is made of every family
from domain import cedar
from domain.cedar import Policy, Question, Verdict, policy_of
from domain.policy_schema import schema_text
from domain.policy_text import read_rules, validate
from tests.given import ADA, BEN, CLEO


def rule(id_: str, text: str) -> str:
    return f'@id("{id_}") @sentence("It is so.") {text};\n'


def policy(*rules: str) -> Policy:
    """Of rules that Cedar's validator passes."""
    texts = {"all.cedar": "".join(rules)}
    return Policy(tuple(validate(texts, schema_text())))


def ask(**said: Any) -> Question:
    return Question(
        **{
            "principal": ADA,
            "kind": "person",
            "status": "registered",
            "mode": "govern",
            "roles": (),
            "action": "incident:report",
            "resource": "incident/INC0010001",
            "state": {},
            **said,
        }
    )


ANYONE = rule("anyone", "permit (principal, action, resource)")
OVERFLOWS = 'resource has priority && resource.priority + 9223372036854775807 > 0 && context.parts.contains("x")'

# Deciding


def test_a_permission_names_every_rule_that_permits() -> None:
    both = policy(ANYONE, rule("orders", 'permit (principal, action in Action::"order", resource)'))

    assert both.decide(ask()) == Verdict(True, ("anyone", "orders"))


def test_one_refusal_is_enough_and_every_one_is_named() -> None:
    told = policy(
        ANYONE,
        rule("not-now", "forbid (principal, action, resource)"),
        rule("not-here", 'forbid (principal, action == Action::"incident:report", resource)'),
    )

    assert told.decide(ask()) == Verdict(False, ("not-here", "not-now"))


def test_a_refusal_by_default_names_the_action() -> None:
    told = policy(rule("others", 'permit (principal, action == Action::"change:draft", resource)'))

    assert told.decide(ask()) == Verdict(False, ("no-permit:incident:report",))
    assert Policy(()).decide(ask()) == Verdict(False, ("no-permit:incident:report",))
    assert policy(ANYONE).decide(ask(action="incident:nonsense")).permit


def test_a_permission_by_a_role_names_it_and_no_other() -> None:
    text = 'permit (principal in Role::"dispatcher", action, resource)'
    desk = 'permit (principal, action, resource) when { principal in [Role::"a", Role::"b"] }'
    told = policy(rule("by-scope", text), rule("by-condition", desk))

    assert told.decide(ask(roles=("dispatcher", "b", "c"))) == Verdict(
        True, ("by-condition", "by-scope"), frozenset({"dispatcher", "a", "b"})
    )
    assert told.decide(ask(roles=("dispatcher",))).roles == {"dispatcher"}
    assert told.decide(ask(roles=("c",))) == Verdict(False, ("no-permit:incident:report",))


@pytest.mark.parametrize(
    ("group", "permitted"),
    [
        ("order", {"incident:report", "incident:assign", "change:draft"}),
        ("incident", {"incident:report", "incident:assign"}),
        ("reading", {"incident:read", "incident:read-personal"}),
    ],
)
def test_a_group_of_actions_holds_its_own(group: str, permitted: set[str]) -> None:
    told = policy(rule("group", f'permit (principal, action in Action::"{group}", resource)'))
    asked = ("incident:report", "incident:assign", "change:draft", "incident:read",
             "incident:read-personal")  # fmt: skip

    assert {one for one in asked if told.decide(ask(action=one)).permit} == permitted


# A rule that fails


def test_a_rule_that_fails_refuses_whatever_others_permit_and_is_named() -> None:
    text = f'permit (principal, action in Action::"incident", resource) when {{ {OVERFLOWS} }}'
    told = policy(ANYONE, rule("adds-up", text))

    assert told.decide(ask(state={"priority": 1})) == Verdict(False, ("rule-failed:adds-up",))
    assert told.decide(ask(state={"priority": 0})).permit
    assert told.decide(ask(state={})).permit


def test_a_refusal_that_fails_refuses_all_the_same() -> None:
    """Cedar would leave the rule out, and permit."""
    text = f'forbid (principal, action in Action::"incident", resource) when {{ {OVERFLOWS} }}'
    told = policy(ANYONE, rule("adds-up", text))

    assert told.decide(ask(state={"priority": 1})) == Verdict(False, ("rule-failed:adds-up",))


def test_every_rule_that_fails_is_named_and_none_whose_name_is_part_of_another() -> None:
    failing = f'permit (principal, action in Action::"incident", resource) when {{ {OVERFLOWS} }}'
    names = ("adds-up", "adds-up-too")
    told = policy(ANYONE, rule("adds", failing.replace("priority", "impact")),
                  *(rule(name, failing) for name in names))  # fmt: skip

    assert told.decide(ask(state={"priority": 1})).rules == (
        "rule-failed:adds-up",
        "rule-failed:adds-up-too",
    )


# Remembering


def test_a_rule_that_names_a_principal_is_asked_of_each() -> None:
    told = policy(
        ANYONE, rule("not-ada", f'forbid (principal == Principal::"{ADA}", action, resource)')
    )

    assert [told.decide(ask(principal=who)).permit for who in (BEN, ADA, CLEO, ADA)] == [
        True,
        False,
        True,
        False,
    ]


def test_a_condition_that_names_a_subject_is_asked_of_each() -> None:
    text = (
        'forbid (principal, action == Action::"incident:report", resource) '
        'when { resource == Incident::"incident/INC0000002" }'
    )
    told = policy(ANYONE, rule("not-that", text))

    asked = [ask(resource=f"incident/INC000000{n}") for n in (1, 2, 3, 2)]
    assert [told.decide(one).permit for one in asked] == [True, False, True, False]


def test_what_no_rule_asks_about_is_answered_from_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    told = policy(ANYONE)
    first = told.decide(ask())
    monkeypatch.setattr("cedarpy.is_authorized", None)

    assert told.decide(ask(principal=BEN, resource="incident/INC2", state={"title": "x"})) is first
    with pytest.raises(TypeError):
        told.decide(ask(kind="service"))


def test_memory_is_bounded_and_forgetting_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cedar, "REMEMBERED", 3)
    text = 'forbid (principal, action, resource) when { context.parts.contains("p4") }'
    told = policy(ANYONE, rule("not-four", text))

    for _ in range(2):
        verdicts = [told.decide(ask(parts=[f"p{n}"])).permit for n in range(8)]
        assert verdicts == [n != 4 for n in range(8)]
    assert len(told._by_action["incident:report"]._verdicts) <= 3


def test_the_same_files_are_parsed_once_and_others_are_not_taken_for_them() -> None:
    texts = (("all.cedar", ANYONE),)

    assert policy_of(texts) is policy_of(texts)
    assert policy_of(
        (("all.cedar", rule("other", "permit (principal, action, resource)")),)
    ).decide(ask()).rules == ("other",)


# Whatever a question says, some of these rules ask about it.
ASKING = (
    ANYONE,
    rule("gone", 'forbid (principal, action, resource) when { principal.status == "deactivated" }'),
    rule("observer", 'forbid (principal, action in Action::"order", resource) when { principal.mode == "observe" }'),
    rule("system", 'forbid (principal, action, resource) when { principal.kind == "system" && !context.onBehalf }'),
    rule("ada", f'forbid (principal == Principal::"{ADA}", action == Action::"incident:close", resource)'),
    rule("role-a", 'forbid (principal in Role::"a", action in Action::"incident", resource)'),
    rule("roles-bc", 'forbid (principal in Role::"b", action, resource) when { principal in Role::"c" }'),
    rule("part", 'forbid (principal, action, resource) when { context.parts.contains("p") }'),
    rule("filled", 'forbid (principal, action, resource) when { context.filled.contains("p") && !context.parts.contains("p") }'),
    rule("word", 'forbid (principal, action, resource) when { context.circumstances.containsAny(["w", "p"]) }'),
    rule("urgent", 'forbid (principal, action == Action::"incident:close", resource) when { resource has priority && resource.priority == 1 }'),
    rule("mail", 'forbid (principal, action in Action::"incident", resource) when { resource has service && resource.service == "None" }'),
    rule("adds-up", f"forbid (principal, action == Action::\"incident:assign\", resource) when {{ {OVERFLOWS} }}"),
)  # fmt: skip

_words = st.sets(st.sampled_from(["p", "w", "a", "pw"])).map(sorted)
QUESTIONS = st.builds(
    Question,
    principal=st.sampled_from([ADA, BEN]),
    kind=st.sampled_from(["person", "system"]),
    status=st.sampled_from(["registered", "deactivated"]),
    mode=st.sampled_from(["govern", "observe"]),
    roles=st.sets(st.sampled_from(["a", "b", "c", "d"])),
    action=st.sampled_from(
        ["incident:close", "incident:assign", "incident:read", "change:draft", "request:close"]
    ),
    resource=st.sampled_from(["incident/INC1", "incident/INC2"]),
    state=st.fixed_dictionaries(
        {},
        optional={
            "priority": st.sampled_from([0, 1, 2, None]),
            "service": st.sampled_from(["None", "mail", "", None]),
            "impact": st.sampled_from([1, 2]),
            "links": st.just({"LNK-1": {"to": "change/CHG1"}}),
        },
    ),
    parts=_words,
    filled=_words,
    circumstances=_words,
    on_behalf=st.booleans(),
)
REMEMBERING = policy(*ASKING)
RULES = tuple(read_rules({"all.cedar": "".join(ASKING)}))


@given(st.lists(QUESTIONS, min_size=1, max_size=8))
def test_what_is_remembered_is_what_would_be_decided_afresh(questions: list[Question]) -> None:
    """The remembering policy keeps what it learnt from every example before."""
    for question in questions:
        assert REMEMBERING.decide(question) == Policy(RULES).decide(question)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ask(state={"service": "None"}), ask(state={"service": None})),
        (ask(state={"service": "None"}), ask(state={})),
        (ask(parts=["p"]), ask(filled=["p"])),
        (ask(filled=["p"]), ask(circumstances=["p"])),
        (ask(parts=["p"]), ask(parts=["p w"])),
        (ask(kind="system"), ask(kind="system", on_behalf=True)),
        (ask(roles=["b", "c"]), ask(roles=["b"])),
        (ask(status="deactivated"), ask(mode="deactivated")),
    ],
)
def test_questions_that_look_alike_are_told_apart(one: Question, other: Question) -> None:
    for first, second in ((one, other), (other, one)):
        remembering = Policy(RULES)
        remembering.decide(first)

        assert remembering.decide(second) == Policy(RULES).decide(second)
        assert remembering.decide(first) != remembering.decide(second)


@given(QUESTIONS)
def test_the_order_in_which_sets_are_told_means_nothing(question: Question) -> None:
    turned = Question(
        **{
            **{name: getattr(question, name) for name in Question.__slots__},
            "roles": list(question.roles)[::-1],
            "parts": list(question.parts)[::-1],
            "filled": list(question.filled)[::-1],
            "circumstances": list(question.circumstances)[::-1],
        }
    )

    assert REMEMBERING.decide(turned) is REMEMBERING.decide(question)
