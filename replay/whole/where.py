"""A closed language to choose states by: `priority <= 2 and status in (new, assigned) and service is not null`.

    choice     = term { "or" term }
    term       = factor { "and" factor }
    factor     = "not" factor | "(" choice ")" | member comparison
    comparison = ("=" | "!=" | "<" | "<=" | ">" | ">=") value | "in" "(" value { "," value } ")" | "is" ["not"] "null"
    member     = name { "." name }                  a dot goes into an object
    value      = 'text' | "text" | word | integer | true | false

Every comparison is true or false. What is not there, or is of another kind than the value, is equal to nothing and
neither less nor greater; so `not priority = 1` and `priority != 1` hold for it as well. Text is compared by code
point, which is right for times, since they are written alike.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, cast

from domain.event import MAX_SAFE_INTEGER, Json
from replay.errors import WhereRefused

Relation = Literal["=", "!=", "<", "<=", ">", ">="]
Value: TypeAlias = "str | int | bool"
MAX_CHARACTERS: Final = 4_000
MAX_DEPTH: Final = 50

_NAME = r"[A-Za-z_][A-Za-z0-9_:-]*"
_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
      | (?P<number>-?[0-9]+(?![A-Za-z0-9_./:-]))
      | (?P<symbol><=|>=|!=|=|<|>|\(|\)|,)
      | (?P<word>[A-Za-z0-9_][A-Za-z0-9_./:@+-]*)
    )""",
    re.VERBOSE,
)
_MEMBER: Final = re.compile(rf"{_NAME}(?:\.{_NAME})*")
_FRACTION: Final = re.compile(r"^[0-9]+\.[0-9]*$")
_RESERVED: Final = frozenset({"and", "or", "not", "in", "is", "null"})


@dataclass(frozen=True, slots=True)
class Compare:
    member: tuple[str, ...]
    relation: Relation
    value: Value


@dataclass(frozen=True, slots=True)
class Among:
    member: tuple[str, ...]
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    member: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Not:
    choice: Choice


@dataclass(frozen=True, slots=True)
class AllOf:
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    choices: tuple[Choice, ...]


Choice: TypeAlias = "Compare | Among | Missing | Not | AllOf | AnyOf"


def parse_where(text: str) -> Choice:
    """Raises WhereRefused, naming the place."""
    if len(text) > MAX_CHARACTERS:
        raise WhereRefused(f"expected at most {MAX_CHARACTERS} characters, got {len(text)}")
    reader = _Reader(_tokens(text))
    found = reader.choice(0)
    reader.end()
    return found


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            place = at + len(text[at:]) - len(text[at:].lstrip()) + 1
            raise WhereRefused(f"expected a member, a value or an operator at character {place}")
        kind = str(found.lastgroup)
        tokens.append(_Token(kind, found[kind], found.start(kind)))
        at = found.end()
    return [*tokens, _Token("end", "", end)]


class _Reader:
    """Goes through the tokens once, left to right."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens, self._next = tokens, 0

    def choice(self, depth: int) -> Choice:
        if depth > MAX_DEPTH:
            raise self._expected(f"at most {MAX_DEPTH} parentheses within each other")
        return self._joined(
            "or", AnyOf, lambda: self._joined("and", AllOf, lambda: self._factor(depth))
        )

    def end(self) -> None:
        if self._token.kind != "end":
            raise self._expected("`and`, `or` or the end")

    def _joined(self, word: str, made: type[AllOf | AnyOf], part: Callable[[], Choice]) -> Choice:
        parts = [part()]
        while self._took(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else made(tuple(parts))

    def _factor(self, depth: int) -> Choice:
        if self._took("not"):
            return Not(self._nested(depth))
        if self._took("("):
            return self._closed(self.choice(depth + 1))
        return self._comparison(self._member())

    def _nested(self, depth: int) -> Choice:
        if depth > MAX_DEPTH:
            raise self._expected(f"at most {MAX_DEPTH} `not` within each other")
        return self._factor(depth + 1)

    def _closed(self, choice: Choice) -> Choice:
        self._require(")")
        return choice

    def _comparison(self, member: tuple[str, ...]) -> Choice:
        if self._took("is"):
            is_not = self._took("not")
            self._require("null")
            return Not(Missing(member)) if is_not else Missing(member)
        if self._took("in"):
            return Among(member, self._values())
        token = self._token
        if token.text not in {"=", "!=", "<", "<=", ">", ">="} or token.kind != "symbol":
            raise self._expected("=, !=, <, <=, >, >=, in or is")
        self._next += 1
        return Compare(member, cast(Relation, token.text), self._value())

    def _values(self) -> tuple[Value, ...]:
        self._require("(")
        values = [self._value()]
        while self._took(","):
            values.append(self._value())
        self._require(")")
        return tuple(values)

    def _member(self) -> tuple[str, ...]:
        token = self._token
        if token.kind != "word" or token.text in _RESERVED or not _MEMBER.fullmatch(token.text):
            raise self._expected("the name of a member, such as status or source.caller")
        self._next += 1
        return tuple(token.text.split("."))

    def _value(self) -> Value:
        token = self._token
        self._next += 1
        if token.kind == "text":
            quote = token.text[0]
            return token.text[1:-1].replace(quote * 2, quote)
        if token.kind == "number" and abs(int(token.text)) <= MAX_SAFE_INTEGER:
            return int(token.text)
        if token.kind == "word" and not (token.text in _RESERVED or _FRACTION.match(token.text)):
            return {"true": True, "false": False}.get(token.text, token.text)
        self._next -= 1
        raise self._expected(
            "a value: a word, 'text', an integer within ±(2^53 − 1), true or false"
        )

    def _took(self, text: str) -> bool:
        token = self._token
        if token.kind in {"word", "symbol"} and token.text == text:
            self._next += 1
            return True
        return False

    def _require(self, text: str) -> None:
        if not self._took(text):
            raise self._expected(f"`{text}`")

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _expected(self, what: str) -> WhereRefused:
        token = self._token
        got = f"`{token.text[:40]}`" if token.text else "the end"
        return WhereRefused(f"expected {what} at character {token.at + 1}, got {got}")


def members_of(choice: Choice) -> set[tuple[str, ...]]:
    """The members that are asked about."""
    match choice:
        case Compare(member) | Among(member) | Missing(member):
            return {member}
        case Not(inner):
            return members_of(inner)
        case AllOf(choices) | AnyOf(choices):
            return set().union(*map(members_of, choices))


def holds(choice: Choice, state: Mapping[str, Json]) -> bool:
    """Is the state chosen?"""
    match choice:
        case Compare(member, relation, value):
            return _compares(_at(state, member), relation, value)
        case Among(member, values):
            return any(_compares(_at(state, member), "=", value) for value in values)
        case Missing(member):
            return _at(state, member) is None
        case Not(inner):
            return not holds(inner, state)
        case AllOf(choices):
            return all(holds(each, state) for each in choices)
        case AnyOf(choices):
            return any(holds(each, state) for each in choices)


def _at(state: Json, member: tuple[str, ...]) -> Json:
    for name in member:
        state = state.get(name) if isinstance(state, dict) else None
    return state


_ORDERED: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _compares(found: Json, relation: Relation, value: Value) -> bool:
    if relation == "!=":
        return not _compares(found, "=", value)
    # Python takes True for 1; JSON does not.
    return type(found) is type(value) and _ORDERED[relation](found, value)


_KINDS: Final = {str: "'VARCHAR'", int: "'BIGINT', 'UBIGINT'", bool: "'BOOLEAN'"}
_CASTS: Final = {
    str: "{0} ->> '$'",
    int: "TRY_CAST({0} AS BIGINT)",
    bool: "TRY_CAST({0} AS BOOLEAN)",
}


def to_sql(choice: Choice, column: str) -> tuple[str, list[Value]]:
    """The same for DuckDB, as a condition on a JSON `column`, with its parameters. Never NULL."""
    match choice:
        case Compare(member, relation, value):
            return _compare_sql(column, member, relation, value)
        case Among(member, values):
            return _joined_sql(" OR ", [_compare_sql(column, member, "=", one) for one in values])
        case Missing(member):
            found = _found_sql(column, member)
            return f"coalesce(json_type({found}), 'NULL') = 'NULL'", []
        case Not(inner):
            sql, values_ = to_sql(inner, column)
            return f"NOT {sql}", values_
        case AllOf(choices):
            return _joined_sql(" AND ", [to_sql(each, column) for each in choices])
        case AnyOf(choices):
            return _joined_sql(" OR ", [to_sql(each, column) for each in choices])


def member_sql(column: str, name: str) -> str:
    """The value of a member, `a.b` inside an object, as text; NULL where there is none. Raises WhereRefused."""
    if not _MEMBER.fullmatch(name):
        raise WhereRefused(f"expected the name of a member, such as status, got {name[:40]!r}")
    return f"{_found_sql(column, tuple(name.split('.')))} ->> '$'"


def _compare_sql(
    column: str, member: tuple[str, ...], relation: Relation, value: Value
) -> tuple[str, list[Value]]:
    if relation == "!=":
        sql, values = _compare_sql(column, member, "=", value)
        return f"NOT {sql}", values
    found = _found_sql(column, member)
    typed = _CASTS[type(value)].format(found)
    alike = f"coalesce(json_type({found}) IN ({_KINDS[type(value)]}), false)"
    return f"({alike} AND coalesce({typed} {relation} ?, false))", [value]


def _found_sql(column: str, member: tuple[str, ...]) -> str:
    # The grammar lets through no quote, no backslash and no bracket, so a path cannot end early.
    path = "".join(f'."{name}"' for name in member)
    return f"json_extract({column}, '${path}')"


def _joined_sql(word: str, parts: list[tuple[str, list[Value]]]) -> tuple[str, list[Value]]:
    joined = word.join(sql for sql, _ in parts)
    return f"({joined})", [value for _, values in parts for value in values]
