"""Cedar text: what is refused, and where it says the fault is."""

from __future__ import annotations

import pytest

import domain.catalogue  # noqa: F401 - the schema is made of every family
from domain.errors import Malformed
from domain.policy_schema import members_of, schema_text
from domain.policy_text import read_rules, statements, validate

GOOD = '@id("anyone-reports") @sentence("Anyone reports.")\npermit (principal, action == Action::"incident:report", resource)'


def faults(text: str) -> list[str]:
    with pytest.raises(Malformed) as refusal:
        validate({"first.cedar": GOOD + ";", "own.cedar": text}, schema_text())
    return str(refusal.value).removeprefix("the policy is not valid: ").split("; ")


def test_what_the_validator_passes_is_read_rule_by_rule() -> None:
    text = f"""// a comment; with a semicolon
{GOOD}
when {{ principal.status == "registered; really" }};

@id("desk-closes")
@sentence("The desk closes what is urgent.") @control("iso27001_2022:A.5.3")
forbid (principal in Role::"service-desk", action in [Action::"incident:close"], resource)
when {{ resource has priority && resource.priority == 1 && principal in [Role::"resolver"] }};
"""

    first, second = validate({"own.cedar": text}, schema_text())

    assert (first.id, first.line, first.effect, first.actions) == (
        "anyone-reports", 2, "permit", frozenset({"incident:report"}),
    )  # fmt: skip
    assert first.attributes == frozenset()
    assert second.line == 6
    assert second.control == "iso27001_2022:A.5.3"
    assert second.attributes == frozenset({"priority"})
    assert second.roles == {"service-desk", "resolver"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("\n\nfrbid (principal, action, resource);", "own.cedar, line 3: invalid policy effect: frbid"),
        ("permit (principal, action", "own.cedar, line 1: unexpected end of input"),
        ("permit (principal, action, resource);", "own.cedar, line 1: expected an @id"),
        ('@id("x-y-z") permit (principal, action, resource);', "own.cedar, line 1 (x-y-z): expected a @sentence"),
        (GOOD + ";", "own.cedar, line 1 (anyone-reports): the id is taken in first.cedar, line 1"),
        (
            '\n@id("typo") @sentence("s")\nforbid (principal, action, resource) when { context.prts == 1 };',
            "own.cedar, line 2 (typo): attribute `prts` in context for Action::",
        ),
        (
            '@id("nowhere") @sentence("s") permit (principal, action == Action::"incident:vanish", resource);',
            "own.cedar, line 1 (nowhere): unrecognized action",
        ),
        (
            '@id("mixed") @sentence("s") permit (principal, action, resource) when { context.onBehalf == 1 };',
            "own.cedar, line 1 (mixed): the types Bool and Long are not compatible",
        ),
        (
            '@id("template") @sentence("s") permit (principal in ?principal, action, resource);',
            "own.cedar, line 1: expected no template",
        ),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_file_line_rule_and_the_words_of_cedar(text: str, told: str) -> None:
    assert any(fault.startswith(told) for fault in faults(text)), faults(text)


def test_every_faulty_rule_is_told_at_once() -> None:
    text = "".join(
        f'@id("typo-{n}") @sentence("s") permit (principal, action == Action::"incident:close", resource) '
        f"when {{ context.x{n} }};\n"
        for n in range(3)
    )

    assert [fault.split(":")[0] for fault in faults(text)] == [
        f"own.cedar, line {n + 1} (typo-{n})" for n in range(3)
    ]


def test_statements_end_at_semicolons_outside_of_texts_and_comments() -> None:
    text = 'a "x;\\"y;" b; // c;\n\n d\n;\n// e\n'

    assert list(statements(text)) == [(1, 'a "x;\\"y;" b;'), (3, "d\n;")]


def test_a_rule_that_passes_the_resource_on_may_read_any_of_its_members() -> None:
    (rule,) = read_rules(
        {
            "own.cedar": '@id("any") @sentence("s") permit (principal, action, resource) '
            "when { (if context.onBehalf then resource else resource) has priority };"
        }
    )

    assert rule.attributes is None


def test_no_policy_can_ask_for_a_personal_member() -> None:
    assert "title" not in members_of("incident")
    assert members_of("incident")["priority"] == "Long"
    assert members_of("incident")["major"] == "Bool"
