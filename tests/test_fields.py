"""Fields: what each takes, what it says of what it does not take, and combinations of them."""

import math
from datetime import UTC, date, datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from resilience import fields
from resilience.faults import Invalid, Report
from resilience.fields import Field
from resilience.model import Secret
from resilience.yamltree import parse_tree


def read(field: Field[Any], text: str) -> tuple[Any, list[str]]:
    """The value (or Invalid) and what was said."""
    report = Report()
    try:
        value = field.read(parse_tree(text.encode(), "f"), "at", report)
    except Invalid:
        value = Invalid
        assert report.broken
    return value, [str(fault) for fault in report.faults]


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        (fields.text(), "no", "no"),
        (fields.text(empty=True), '""', ""),
        (fields.name(), "wan-a.1_b", "wan-a.1_b"),
        (fields.choice("1", "2c"), "2c", "2c"),
        (fields.integer(0, 9), "0", 0),
        (fields.integer(-5, 9), "-5", -5),
        (fields.decimal(-180, 180), "-104.9903", -104.9903),
        (fields.flag(), "true", True),
        (fields.flag(), "false", False),
        (fields.span(), "1.5h", 5_400_000),
        (fields.span(word="unlimited", word_means=math.inf), "unlimited", math.inf),
        (fields.day(), "2027-06-30", date(2027, 6, 30)),
        (fields.moment(), "2026-11-23T14:00:00Z", datetime(2026, 11, 23, 14, tzinfo=UTC)),
        (fields.moment(), "2026-11-23T07:00:00-07:00", datetime(2026, 11, 23, 14, tzinfo=UTC)),
        (fields.host(), "sbc_1.carrier.example", "sbc_1.carrier.example"),
        (fields.host(), "2001:DB8::1", "2001:db8::1"),
        (fields.address(), "192.0.2.1", "192.0.2.1"),
        (fields.port(), "65535", 65535),
        (fields.secret(), "{env: SNMP_PRIV}", Secret("env", "SNMP_PRIV")),
        (fields.secret(), "{file: nut/main.password}", Secret("file", "nut/main.password")),
        (fields.list_of(fields.port()), "[1, 2]", (1, 2)),
        (fields.table_of(fields.port()), "{a: 1}", {"a": 1}),
        (fields.either(fields.port(), fields.text()), "many", "many"),
    ],
)
def test_what_is_taken(field: Field[Any], text: str, value: object) -> None:
    assert read(field, text) == (value, [])


@pytest.mark.parametrize(
    ("field", "text", "message"),
    [
        (fields.text(), "' '", "is empty"),
        (fields.text(), "[a]", "a single value is wanted here, not a list"),
        (fields.text(longest=3), "four", "has 4 characters; 3 are the most"),
        (fields.text(), r'"a\0b"', "holds a control character"),
        (fields.choice("fail", "pass"), "fial", "'fial' is not one of fail, pass; did you mean 'fail'?"),
        (fields.integer(1, 9), "10", "'10' is not a whole number from 1 to 9"),
        (fields.integer(1, 9), "٣", "'٣' is not a whole number from 1 to 9"),
        (fields.integer(1, 99), "012", "'012' is not a whole number from 1 to 99"),
        (fields.integer(1, 9), "1.0", "'1.0' is not a whole number from 1 to 9"),
        (fields.decimal(0, 9), "nan", "'nan' is not a number from 0 to 9"),
        (fields.flag(), "yes", "'yes' is not true or false"),
        (fields.span(least=1000), "10ms", "'10ms' is too short; 1 s is the least"),
        (fields.span(), "36501d", "'36501d' is too long; 36500 d is the most"),
        (fields.day(), "2027-02-29", "'2027-02-29' is not a day; write it as 2027-06-30"),
        (fields.day(), "0202-01-01", "'0202-01-01' is not a day; write it as 2027-06-30"),
        (
            fields.moment(),
            "2026-11-23T14:00:00",
            "'2026-11-23T14:00:00' is not a moment of RFC 3339; write it as 2026-11-23T14:00:00Z",
        ),
        (fields.host(), "10.1.0.256", "'10.1.0.256' is neither a host name nor an IP address"),
        (fields.host(), "-a.example", "'-a.example' is neither a host name nor an IP address"),
        (fields.address(), "a.example", "'a.example' is not an IP address"),
        (fields.port(), "0", "'0' is not a whole number from 1 to 65535"),
        (fields.secret(), "{env: A, file: b}", "a secret is {env: NAME} or {file: NAME}"),
        (fields.list_of(fields.port(), least=1), "[]", "is empty; at least 1 entry is wanted"),
        (fields.either(fields.port(), fields.flag()), "many", "'many' is not a whole number from 1 to 65535"),
        (fields.reference("path"), "{}", "the name of a path is wanted here, not a mapping"),
        (fields.references("path"), "one", "a list is wanted here, not a single value"),
    ],
)
def test_what_is_not_taken_is_told(field: Field[Any], text: str, message: str) -> None:
    assert read(field, text) == (Invalid, [f"f:1:1: at: {message}"])


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/../x", ".hidden", "a b", "~/x", ""])
def test_names_that_could_lead_out_of_the_folder_of_secrets(name: str) -> None:
    value, said = read(fields.secret(), f'{{file: "{name}"}}')
    assert value is Invalid
    assert said == ["f:1:8: at: what follows 'file' is not the name of a file below the folder of secrets"]


def test_a_secret_in_clear_is_warned_about_and_never_shown() -> None:
    report = Report()
    value = fields.secret().read(parse_tree(b"hunter2", "f"), "at", report)
    assert value == Secret("clear", "hunter2")
    assert [(fault.warning, fault.code) for fault in report.faults] == [(True, "secret_in_clear")]
    assert "hunter2" not in repr((value, report.faults))


def test_a_list_reads_every_item() -> None:
    _, said = read(fields.list_of(fields.port()), "[a, 1, b]")
    assert [line.split(":")[3] for line in said] == [" at[0]", " at[2]"]


def test_the_faults_of_an_alternative_that_was_not_taken_are_forgotten() -> None:
    value, said = read(fields.either(fields.integer(1, 2), fields.integer(1, 9)), "5")
    assert (value, said) == (5, [])


THING = fields.record(
    {"size": fields.required(fields.port(), "how big"), "odd-colour": fields.text()},
    lambda **values: values,
    ignore="x-",
    rule=lambda values, written: iter(
        [("size", "too big")] if values.get("size", 0) > 9 and "odd-colour" in written else []
    ),
)


@pytest.mark.parametrize(
    ("text", "value", "said"),
    [
        ("{size: 5, x-note: [a]}", {"size": 5}, []),
        ("{size: 5, odd-colour: red}", {"size": 5, "odd_colour": "red"}, []),
        ("{}", Invalid, ["f:1:1: at: 'size' is missing (how big)"]),
        ("{sise: 5}", Invalid, ["f:1:2: at.sise: unknown key 'sise'; did you mean 'size'?"]),
        ("{size: 5, weight: 1}", Invalid, ["f:1:11: at.weight: unknown key 'weight'"]),
        ("{size: 10, odd-colour: red}", Invalid, ["f:1:8: at.size: too big"]),
        ("[]", Invalid, ["f:1:1: at: a mapping is wanted here, not a list"]),
        ('""', Invalid, ["f:1:1: at: a mapping is wanted here, not nothing"]),
    ],
)
def test_a_record(text: str, value: object, said: list[str]) -> None:
    assert read(THING, text) == (value, said)


def test_names_of_a_list_are_distinct() -> None:
    things = fields.distinct(fields.list_of(fields.table_of(fields.text())), "name", "type", advice="; name it")
    assert read(things, "[{type: a}, {type: b}, {name: c, type: a}]")[1] == []
    value, said = read(things, "[{type: a},\n{type: b, name: a},\n{type: [a]}]")
    assert value is Invalid
    assert said[0] == "f:2:17: at[1]: 'a' already stands in line 1; name it"


def test_references_are_left_for_the_end() -> None:
    report = Report()
    fields.references("component").read(parse_tree(b"[a, b]", "f"), "at", report)
    assert [(found.to, found.name, found.where, found.mark.column) for found in report.references] == [
        ("component", "a", "at", 2),
        ("component", "b", "at", 5),
    ]


def test_messages_cannot_steer_a_terminal_and_have_an_end() -> None:
    _, said = read(fields.choice("a"), r'"\e[2J\n::error::"')
    assert said == [r"f:1:1: at: '\x1b[2J\n::error::' is not one of a"]
    _, said = read(fields.choice("a"), "b" * 10_000)
    assert len(said[0]) < 600


@pytest.mark.parametrize(
    ("field", "fits", "not_fitting"),
    [
        (fields.integer(1, 9), [1, "5"], [0, "x", [1]]),
        (fields.decimal(-1, 1), [0.5, "0.5"], [2, "x"]),
        (fields.choice("1", "2c"), ["1", 1, "2c"], ["3", True]),
        (fields.flag(), [True, "false"], ["yes", 1]),
        (fields.span(word="unlimited"), ["30s", "unlimited"], ["30", 30]),
        (fields.day(), ["2027-06-30"], ["30.6.2027", 2027]),
        (fields.moment(), ["2026-11-23T14:00:00Z"], ["2026-11-23"]),
        (fields.name(), ["wan-a", 911], ["Wan A", ["a"]]),
        (fields.secret(), [{"env": "A"}, {"file": "a"}, "a"], [{"vault": "a"}, ["a"]]),
        (fields.list_of(fields.port(), least=1), [[1]], [[], 1]),
        (THING, [{"size": 1, "x-a": []}], [{}, {"size": 1, "colour": 1}]),
    ],
)
def test_the_schema_of_a_field_agrees_with_it(field: Field[Any], fits: list[Any], not_fitting: list[Any]) -> None:
    validator = Draft202012Validator(dict(field.schema))
    assert [value for value in fits if not validator.is_valid(value)] == []
    assert [value for value in not_fitting if validator.is_valid(value)] == []
