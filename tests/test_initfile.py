"""`init`: whatever is answered, the file is good, or the answer is refused with a reason."""

import re

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from probetypes import TYPES
from resilience.initfile import QUESTIONS, WAYS, quoted, site_id, site_text
from resilience.model import Site, Tier
from resilience.sitefile import read_site

ANSWERS = {"name": "Denver headquarters", "team": "Site operations", "power_outage": "2h", "ways": "sip, line"}


def site(**answers: str) -> Site:
    found = read_site(site_text({**ANSWERS, **answers}).encode(), "init.yaml", TYPES)
    assert [str(fault) for fault in found.faults] == []
    assert found.site is not None
    return found.site


def test_four_answers_make_a_site() -> None:
    made = site()
    assert (made.id, made.name, made.owner.team) == ("denver-headquarters", "Denver headquarters", "Site operations")
    assert made.power_outage == 7_200_000
    assert [(path.name, path.tier) for path in made.emergency_paths] == [
        ("desk-phones", Tier.PRIMARY),
        ("analogue-line", Tier.ALTERNATE),
    ]
    assert len(QUESTIONS) == 4


@pytest.mark.parametrize("ways", ["sip", "line", "cellular", "cellular line", "line,sip", "cellular, sip, line"])
def test_every_choice_of_ways_is_good_and_in_order(ways: str) -> None:
    made = site(ways=ways)
    assert [path.tier for path in made.emergency_paths] == list(Tier)[: len(made.emergency_paths)]
    assert len(made.emergency_paths) == len(re.findall(r"\w+", ways))


def test_the_default_of_each_question_is_an_answer_to_it() -> None:
    for question in QUESTIONS:
        if question.default:
            question.read(question.default)


def test_its_commented_probes_can_be_taken_as_they_are() -> None:
    text = site_text({**ANSWERS, "ways": " ".join(WAYS)})
    uncommented, count = re.subn(r"^( +)# (probes: )", r"\1\2", text, flags=re.MULTILINE)
    found = read_site(uncommented.encode(), "init.yaml", TYPES)
    assert [str(fault) for fault in found.faults] == []
    assert found.site is not None
    assert len(found.site.probes) == count > 4


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"name": " "}, "What do people call the site? is empty"),
        ({"team": "a\0"}, "Which team answers for it? holds a control character"),
        ({"power_outage": "2"}, "'2' is not a duration"),
        ({"ways": "sips"}, "'sips' is not one of sip, line, cellular; did you mean 'sip'?"),
        ({"ways": ""}, "'' is not one of sip, line, cellular"),
    ],
)
def test_what_is_no_answer_is_told(answers: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        site_text({**ANSWERS, **answers})


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Señor Ruiz, 2nd floor", "senor-ruiz-2nd-floor"), ("北京", "site"), ("--", "site"), ("a" * 80, "a" * 63)],
)
def test_an_id_is_made_from_the_name(name: str, expected: str) -> None:
    assert site_id(name) == expected


@given(st.text(max_size=60))
def test_any_text_is_quoted_safely(value: str) -> None:
    line = quoted(value)
    assert "\n" not in line
    assert yaml.safe_load(f"key: {line}") == {"key": value}


@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
@settings(deadline=None)
def test_any_names_make_a_good_file_or_are_refused(name: str, team: str) -> None:
    try:
        made = site(name=name, team=team)
    except ValueError:
        return
    assert (made.name, made.owner.team) == (name, team)
