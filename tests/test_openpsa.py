"""Open-PSA fault trees in and out: the published benchmark, the real scram, and files that are to be refused."""

import subprocess
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import peers
from builders import random_sites, site
from resilience.assess import assess_design
from resilience.faulttree import FaultTree, Vote
from resilience.model import Site
from resilience.openpsa import TreeInvalid, read_tree
from resilience.openpsawriter import identifiers, write_tree
from resilience.sitetree import TOP, site_tree
from resilience.treecuts import CutSets, cut_set_counts, minimal_cut_sets
from resilience.xmltree import MAX_BYTES, MAX_DEPTH, MAX_ELEMENTS
from test_faulttree import random_trees

NOON = 1_800_000_000.0
A, B, C = (f"<basic-event name='{name}'/>" for name in "abc")
EVENTS = "".join(f"<define-basic-event name='{name}'/>" for name in "abc")


def gate(formula: str, name: str = "g") -> str:
    return f"<define-gate name='{name}'>{formula}</define-gate>"


def model(body: str) -> str:
    """`body` stands in line 3, three basic events in the one after it."""
    return f"<opsa-mef>\n<define-fault-tree name='f'>\n{body}\n{EVENTS}</define-fault-tree></opsa-mef>"


def read(body: str) -> FaultTree:
    return read_tree(model(body).encode(), "t.xml")


def cuts(body: str, order: int = 3, top: str = "") -> CutSets:
    return minimal_cut_sets(read(body), order, top)


def faults(text: str | bytes) -> list[str]:
    with pytest.raises(TreeInvalid) as caught:
        read_tree(text if isinstance(text, bytes) else text.encode(), "t.xml")
    assert str(caught.value).splitlines() == [str(fault) for fault in caught.value.faults]
    return [str(fault) for fault in caught.value.faults]


def by_scram(text: str, order: int, folder: Path) -> Mapping[str, set[frozenset[str]]]:
    """The real scram's minimal cut sets of each root."""
    file = folder / "tree.xml"
    file.write_text(text)
    program = peers.command("scram", "scram")
    done = subprocess.run(
        [program, "--bdd", "-l", str(order), file], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr + text
    return {
        found.attrib["name"]: {
            frozenset(event.attrib["name"] for event in product.iter("basic-event"))
            for product in found.iter("product")
        }
        for found in ET.fromstring(done.stdout).iter("sum-of-products")
    }


def aralia() -> Iterator[tuple[str, bytes, list[str]]]:
    """Name, file, and the row of what three of scram's algorithms agree on: gates, events, cut sets of order 1 to 3."""
    folder = peers.shared("corpora", "aralia")
    for row in (folder / "scram-results.tsv").read_text().splitlines()[1:]:
        name, *figures = row.split("\t")
        yield name, (folder / f"{name}.xml").read_bytes(), figures


def test_aralia_agrees_with_scram_at_order_3_or_is_refused_where_it_has_negations() -> None:
    refused, wrong = {}, {}
    for name, text, figures in aralia():
        try:
            tree = read_tree(text, name)
        except TreeInvalid as error:
            refused[name] = sum("<not> is not read" in str(fault) and fault.mark.line > 1 for fault in error.faults)
            continue
        counts = cut_set_counts(tree, 3)
        listed = Counter(map(len, minimal_cut_sets(tree, 3)))
        read = [sum("/" not in gate for gate in tree.gates), len(tree.events), *(listed[size] for size in (1, 2, 3))]
        if read != [int(figure) for figure in figures[:5]] or counts != {size: listed[size] for size in (1, 2, 3)}:
            wrong[name] = (read, counts, figures)
    assert not wrong
    assert refused == {"cea9601": 30, "das9701": 100}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(random_sites(8), st.integers(1, 4))
def test_an_exported_site_has_the_same_cut_sets_in_scram_and_read_back(
    tmp_path: Path, declared: Site, order: int
) -> None:
    design = assess_design(declared, NOON, order=order)
    assume(design.possible)
    expected = {frozenset(cut.members) for cut in design.cut_sets}
    tree = site_tree(declared)
    assert set(map(frozenset, minimal_cut_sets(tree, order))) == expected
    text = write_tree(tree, declared.id)
    (top,) = read_tree(text.encode(), "exported.xml").roots
    assert set(map(frozenset, minimal_cut_sets(read_tree(text.encode(), "exported.xml"), order))) == expected
    assert by_scram(text, order, tmp_path) == {top: expected}


@settings(max_examples=200, deadline=None)
@given(random_sites(), st.integers(1, 3), st.data())
def test_an_exported_site_has_the_cut_sets_of_the_assessment(declared: Site, order: int, data: st.DataObject) -> None:
    failed = data.draw(st.frozensets(st.sampled_from(sorted(declared.components)), max_size=2))
    design = assess_design(declared, NOON, order=order, failed=failed)
    found = minimal_cut_sets(site_tree(declared, failed), order)
    assert found == ([cut.members for cut in design.cut_sets] if design.possible else [()])


def for_scram(vote: Vote) -> Vote:
    inputs = tuple(dict.fromkeys(vote.of))
    votes_over_events = 1 < vote.count < len(inputs) and all(name.startswith("e") for name in inputs)
    return Vote(vote.count if votes_over_events or vote.count < 2 else len(inputs), inputs)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(random_trees())
def test_random_trees_agree_with_scram(tmp_path: Path, tree: FaultTree) -> None:
    """Votes over distinct basic events alone: scram 0.16.2 counts inputs that come to the same thing as one."""
    tree = FaultTree({name: for_scram(vote) for name, vote in tree.gates.items()}, tree.events)
    text = write_tree(tree, "random")
    back = read_tree(text.encode(), "random.xml")
    for root, expected in by_scram(text, 4, tmp_path).items():
        assert minimal_cut_sets(back, 4, root) == minimal_cut_sets(tree, 4, root)
        assert set(map(frozenset, minimal_cut_sets(tree, 4, root))) == expected


def test_names_that_the_format_does_not_allow_are_labels_and_never_two_alike(tmp_path: Path) -> None:
    names = ["1st.floor", "1st-floor", "a--b", "a_b", "a-b", "a.b", "end-", "x"]
    tree = site_tree(site({name: {} for name in names}, {"p": [names[0]], "q": names[1:]}))
    called = identifiers(tree.events)
    assert [called[name] for name in ("a_b", "a-b", "x")] == ["a_b", "a-b", "x"]
    assert len({*called.values()} | {"loss_of_911"}) == len(names) + 1
    text = write_tree(tree, "hq")
    expected = {frozenset((called["1st.floor"], called[name])) for name in names[1:]}
    assert by_scram(text, 2, tmp_path) == {"loss_of_911": expected}
    assert "<label>1st.floor</label>" in text


def test_a_site_that_nothing_can_take_out_and_one_that_is_out_are_constants(tmp_path: Path) -> None:
    safe = site_tree(site({"phones": {"units": 2}}, {"p": ["phones"]}))
    assert by_scram(write_tree(safe, "safe"), 2, tmp_path) == {"loss_of_911": set()}
    out = site_tree(site({"pbx": {}}, {"p": ["pbx"]}), frozenset({"pbx"}))
    assert by_scram(write_tree(out, "out"), 2, tmp_path) == {"loss_of_911": {frozenset()}}


def test_where_the_requirement_is_unmet_the_tree_is_of_what_ends_it_at_once() -> None:
    components: dict[str, dict[str, Any]] = {
        "utility": {"kind": "utility"},
        "gen": {"kind": "generator", "starts_within": "30s", "fuel": "1h"},
        "pbx": {"kind": "pbx", "power": ["utility"]},
    }
    assert minimal_cut_sets(site_tree(site(components, {"p": ["pbx", "gen"]}, requires="2h")), 2) == [()]
    short = site(
        components | {"line": {"needs": ["battery"]}, "battery": {"kind": "ups", "power": ["gen"], "runtime": "5m"}},
        {"p": ["line"]},
        requires="2h",
    )
    assert minimal_cut_sets(site_tree(short), 2) == [("battery",), ("line",)]
    assert next(iter(site_tree(short).gates)) == TOP


def test_and_or_atleast_nested_formulas_constants_and_house_events() -> None:
    assert cuts(gate(f"<and>{A}<or>{B}{C}</or></and>")) == [("a", "b"), ("a", "c")]
    assert cuts(gate(f"<atleast min='2'>{A}{B}{C}</atleast>")) == [("a", "b"), ("a", "c"), ("b", "c")]
    assert cuts(gate(f"<label>x</label>{A}")) == [("a",)]
    assert cuts(gate(f"<or>{A}<constant value='false'/></or>")) == [("a",)]
    house = "<define-house-event name='h'><label>x</label><constant value='true'/></define-house-event>"
    assert cuts(gate(f"<and>{A}<house-event name='h'/></and>") + house) == [("a",)]
    assert cuts(gate(f"<and>{A}<event name='h'/></and>") + "<define-house-event name='h'/>") == []


def test_an_argument_that_stands_twice_counts_twice() -> None:
    assert cuts(gate(f"<atleast min='2'>{A}{A}{B}</atleast>")) == [("a",)]


def test_names_are_found_in_the_container_then_among_the_public_then_by_path(tmp_path: Path) -> None:
    text = """<opsa-mef>
      <define-fault-tree name="f">
        <define-gate name="top"><and><gate name="c.g"/><event name="h"/><gate name="f.c.d.k"/></and></define-gate>
        <define-component name="c" role="private">
          <define-gate name="g"><or><basic-event name="a"/><basic-event name="x"/></or></define-gate>
          <define-basic-event name="a"/>
          <define-component name="d">
            <define-gate name="k"><or><basic-event name="a"/><gate name="h"/></or></define-gate>
          </define-component>
        </define-component>
        <define-component name="e">
          <define-gate name="h"><or><basic-event name="x"/><event name="f.c.a" type="basic-event"/></or></define-gate>
        </define-component>
      </define-fault-tree>
      <model-data>
        <define-basic-event name="a"><label>all</label><float value="0.1"/></define-basic-event>
        <define-basic-event name="x"><mul><parameter name="l"/><pi/></mul></define-basic-event>
        <define-parameter name="l"><float value="1e-3"/></define-parameter>
      </model-data>
    </opsa-mef>"""
    tree = read_tree(text.encode(), "t.xml")
    assert tree.roots == ("top",)
    assert minimal_cut_sets(tree, 3) == [("f.c.a",), ("x",)]
    assert by_scram(text, 3, tmp_path) == {"top": {frozenset({"f.c.a"}), frozenset({"x"})}}


REFUSED = {
    gate(f"<not>{A}</not>"): "3:23: g: <not> is not read; cut sets are of and, or and atleast",
    gate(f"\n<or>{A}<xor>{A}</xor></or>"): "4:28: g: <xor> is not read; cut sets are of and, or and atleast",
    "<define-CCF-group name='x' model='MGL'/>": (
        "3:1: f: <define-CCF-group> is not read here, and could change the cut sets"
    ),
    gate("<or><basic-event name='d'/></or>"): "3:27: g: <basic-event>: 'd' is not defined",
    gate("<or><gate name='a'/></or>"): "3:27: g: <gate>: 'a' is a basic event, defined in line 4",
    gate("<or><event name='a' type='x'/></or>"): "3:27: g: <event>: 'a' is a basic event, defined in line 4",
    gate("<or/>"): "3:23: g: <or> is empty",
    gate(""): "3:1: g: a gate has one formula, and this has 0",
    gate(A + B): "3:1: g: a gate has one formula, and this has 2",
    gate("<gate name='g'/>"): "3:1: g: stands above itself: g -> g",
    gate("<and><gate name='h'/></and>") + gate("<or><and><gate name='g'/></and></or>", "h"): (
        "3:1: g: stands above itself: g -> h -> g"
    ),
    gate(f"<atleast min='3'>{A}</atleast>"): "3:23: g: <atleast>: min '3' is not a number from 1 to 1",
    gate(f"<atleast>{A}</atleast>"): "3:23: g: <atleast>: min '' is not a number from 1 to 1",
    gate(f"<and min='1'>{A}</and>"): "3:23: g: <and>: 'min' is no attribute of it",
    gate(f"<and>a{A}</and>"): "3:23: g: 'a' is text where an element is due",
    gate("<constant value='maybe'/>"): "3:23: g: <constant>: 'maybe' is neither true nor false",
    gate(A, "g.h"): "3:1: f: <define-gate>: 'g.h' is no name: letters, digits, '-' and '_', a letter first",
    f"<define-gate>{A}</define-gate>": "3:1: f: <define-gate>: has no name",
    gate(B, "a"): "4:1: f.a: is defined twice; also in line 3",
    f"<define-gate name='g' role='x'>{B}</define-gate>": "3:1: f: role 'x' is neither public nor private",
    "<define-house-event name='h'><float value='1'/></define-house-event>" + gate("<house-event name='h'/>"): (
        "3:30: h: <float> is not the state of a house event"
    ),
    "": "1:1: no gate is defined",
}


@pytest.mark.parametrize("body", REFUSED)
def test_what_is_refused_and_where(body: str) -> None:
    with pytest.raises(TreeInvalid) as caught:
        read(body)
    assert [str(fault) for fault in caught.value.faults] == [f"t.xml:{REFUSED[body]}"]


def test_all_faults_of_a_file_are_told_at_once_up_to_a_hundred() -> None:
    assert len(faults(model(gate("<or><gate name='x'/><nand/></or>")))) == 2
    told = faults(model("".join(gate("<not/>", f"g{index}") for index in range(500))))
    assert len(told) == 101
    assert told[-1].endswith("the first 100 faults are told; the rest was not read")


DECLARES = "a document type that declares something is not read; leave it out"
HOSTILE = {
    b"": "1:1: not XML: no element found",
    b"<opsa-mef>": "1:11: not XML: no element found",
    b"site: hq\n": "1:1: not XML: syntax error",
    b"<opsa-mef>\n<a></b></opsa-mef>": "2:6: not XML: mismatched tag",
    b"<opsa-mef>&lol;</opsa-mef>": "1:11: not XML: undefined entity",
    b"<a b='1' b='2'/>": "1:10: not XML: duplicate attribute",
    b"\xff\xfe\xfd<opsa-mef/>": "1:2: not XML: not well-formed (invalid token)",
    b"<?xml version='1.0' encoding='klingon'?><a/>": "1:1: not XML: unknown encoding: klingon",
    b"<?xml version='1.0' encoding='utf-7'?><a/>": "1:1: not XML: multi-byte encodings are not supported",
    b"<html/>": "1:1: <html> is not <opsa-mef>: no Open-PSA file",
    b"<!DOCTYPE o [<!ENTITY a 'aa'><!ENTITY b '&a;&a;'>]><opsa-mef>&b;</opsa-mef>": f"1:13: {DECLARES}",
    b"<!DOCTYPE o [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><opsa-mef>&x;</opsa-mef>": f"1:13: {DECLARES}",
    b"<!DOCTYPE o SYSTEM 'http://192.0.2.1/o.dtd'><opsa-mef>&x;</opsa-mef>": f"1:44: {DECLARES}",
    b"<a>" * 100_000: f"1:193: nested deeper than {MAX_DEPTH} levels",
    b"<a>" + b"<b/>" * MAX_ELEMENTS: f"1:400000: more than {MAX_ELEMENTS} elements",
    b" " * (MAX_BYTES + 1): f"1:1: the file is longer than {MAX_BYTES} bytes",
}


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:50]))
def test_hostile_and_broken_xml_is_refused(text: bytes) -> None:
    assert faults(text) == [f"t.xml:{HOSTILE[text]}"]


def test_a_plain_document_type_other_encodings_and_comments_are_read() -> None:
    text = "<?xml version='1.0' encoding='iso-8859-1'?><!DOCTYPE opsa-mef><!-- é -->"
    text += model(gate("<basic-event name='ö'/>") + "<define-basic-event name='ö'/>")
    assert minimal_cut_sets(read_tree(text.encode("latin-1"), "t.xml"), 1) == [("ö",)]


def test_several_roots_are_kept() -> None:
    assert read(gate(A) + gate(B, "h")).roots == ("g", "h")
    assert cuts(gate(A) + gate(B, "h"), top="h") == [("b",)]
