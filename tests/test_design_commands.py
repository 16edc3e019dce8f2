"""`analyze` beyond its plain form, `diff` and `fleet`, as people and programs call them."""

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import peers
from resilience.cli import app

OFFICE = """
schema: 1
site: office
name: Office
owner: {team: operations}
people: 40
requires: {power_outage: 2h}
components:
  utility: {kind: utility}
  ups: {kind: ups, power: [utility], runtime: 23m}
  conduit: {kind: shared-risk}
  wan-a: {kind: wan, needs: [conduit], power: [ups, utility]}
  wan-b: {kind: wan, power: [ups, utility]}
emergency_paths:
  - {name: by-a, tier: primary, needs: [wan-a]}
  - {name: by-b, tier: alternate, needs: [wan-b]}
"""
ONE_CONDUIT = OFFICE.replace("wan-b: {kind: wan,", "wan-b: {kind: wan, needs: [conduit],")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    (tmp_path / "apart.yaml").write_text(OFFICE)
    (tmp_path / "together.yaml").write_text(ONE_CONDUIT)
    return tmp_path


def call(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def test_explain_tells_why_what_would_end_it_and_how_an_outage_goes(written: Path) -> None:
    told = call("analyze", "--explain", written / "together.yaml")
    assert told.exit_code == 0
    assert told.stdout.split("  Why, and what would end it\n")[1] == (
        "    conduit: by-a and by-b both end in conduit\n"
        "      conduit > wan-a > 911 by by-a\n"
        "      conduit > wan-b > 911 by by-b\n"
        "      a second way beside conduit; that leaves utility\n"
        "    utility: without utility ups holds 23 min, 97 min short of the 2 h required\n"
        "      utility > wan-a > 911 by by-a\n"
        "      utility > wan-b > 911 by by-b\n"
        "      a bigger UPS: ups is 97 min short; that leaves conduit\n"
        "  A utility outage, as far as it is assured\n"
        "    at once: utility off\n"
        "    23 min: ups, wan-a, wan-b, 911 by by-a, 911 by by-b and 911 off\n"
        "  Margin: 1 more failure\n"
    )


def test_explain_as_json_adds_its_keys_and_nothing_else(written: Path) -> None:
    plain = json.loads(call("analyze", "--format", "json", written / "together.yaml").stdout)
    told = json.loads(call("analyze", "--format", "json", "--explain", written / "together.yaml").stdout)
    assert set(told) - set(plain) == {"margin", "explanations", "timeline"}
    assert told["margin"] == {"failures": 1, "exact": True}
    assert told["explanations"][0]["fix"] == {"text": "a second way beside conduit", "leaves": ["utility"]}
    lost = {"what": "911", "kind": "911", "on": False, "low_seconds": 1380, "high_seconds": 1380}
    assert lost in told["timeline"]


def test_a_pretended_fix_is_analysed(written: Path) -> None:
    told = call("analyze", "--fix", "conduit,ups=3h", "--format", "json", written / "together.yaml")
    assert json.loads(told.stdout)["single_points_of_failure"] == []
    wrong = call("analyze", "--fix", "wan-a=3h", written / "together.yaml")
    assert wrong.exit_code == 2
    assert "--fix: 'wan-a' is a wan: only a UPS and a generator store energy" in wrong.stderr


def test_a_site_as_a_fault_tree_is_read_back_to_the_same_cut_sets(written: Path) -> None:
    tree = call("analyze", "--format", "openpsa", written / "together.yaml")
    assert tree.exit_code == 0
    (written / "office.xml").write_text(tree.stdout)
    again = json.loads(call("analyze", written / "office.xml").stdout)
    site = json.loads(call("analyze", "--format", "json", written / "together.yaml").stdout)
    assert again == {"order": 2, "cut_sets": site["cut_sets"]}
    counted = json.loads(call("analyze", "--count", written / "office.xml").stdout)
    assert counted == {"order": 2, "cut_sets": {size: len(sets) for size, sets in again["cut_sets"].items()}}
    unknown = call("analyze", "--top", "nothing", written / "office.xml")
    assert unknown.exit_code == 1
    assert "nothing" in unknown.stderr


def test_a_published_tree_that_is_not_coherent_is_refused_by_gate_and_line() -> None:
    path = peers.shared("corpora", "aralia", "cea9601.xml")
    told = call("analyze", path)
    assert told.exit_code == 1
    assert "cea9601.xml:151:1: g156: <not> is not read" in told.stderr


def test_diff_tells_what_is_gained_and_exits_4(written: Path) -> None:
    apart, together = written / "apart.yaml", written / "together.yaml"
    worse = call("diff", apart, together)
    assert (worse.exit_code, worse.stdout) == (4, "office: at risk\n  + conduit (shared-risk) takes 911 out at once\n")
    better = call("diff", together, apart)
    assert (better.exit_code, better.stdout) == (0, "office: at risk\n  - conduit (shared-risk) took 911 out at once\n")
    same = call("diff", apart, apart)
    assert (same.exit_code, same.stdout) == (0, "no single point of failure gained or lost\n")
    (told,) = json.loads(call("diff", "--format", "json", apart, together).stdout)
    assert told["gained"] == [{"component": "conduit", "kind": "shared-risk", "loss_after_seconds": 0}]
    marked = call("diff", "--format", "github", apart, together)
    assert marked.stdout == (
        f"::warning file={together},line=11,col=3::"
        "office: conduit is now a single point of failure: 911 is lost at once\n"
    )


def test_diff_of_trees_goes_by_site(tmp_path: Path) -> None:
    for version, text in (("old", OFFICE), ("new", ONE_CONDUIT)):
        for number in (1, 2):
            path = tmp_path / version / f"office-{number}.yaml"
            path.parent.mkdir(exist_ok=True)
            body = text if number == 1 else OFFICE
            path.write_text(body.replace("site: office", f"site: office-{number}"))
    told = call("diff", tmp_path / "old", tmp_path / "new")
    assert told.exit_code == 4
    assert told.stdout == "office-1: at risk\n  + conduit (shared-risk) takes 911 out at once\n"


def test_what_a_template_does_to_many_sites_is_told_once_where_it_stands(tmp_path: Path) -> None:
    for version, text in (("old", OFFICE), ("new", ONE_CONDUIT)):
        folder = tmp_path / version
        folder.mkdir()
        template = "".join(f"    {line}\n" for line in text.splitlines() if not line.startswith(("site:", "schema:")))
        (folder / "_defaults.yaml").write_text(f"templates:\n  office:\n{template}")
        for number in (1, 2, 3):
            (folder / f"office-{number}.yaml").write_text(f"site: office-{number}\nlike: office\n")
    told = call("diff", "--format", "github", tmp_path / "old", tmp_path / "new")
    assert told.exit_code == 4
    defaults = tmp_path / "new" / "_defaults.yaml"
    line = next(index for index, text in enumerate(defaults.read_text().splitlines(), 1) if "conduit:" in text)
    assert told.stdout == (
        f"::warning file={defaults},line={line},col=7::"
        "office-1 and 2 more: conduit is now a single point of failure: 911 is lost at once\n"
    )


def test_fleet_as_text_json_and_csv(tmp_path: Path) -> None:
    (tmp_path / "_defaults.yaml").write_text("shared: {bannock-street: {kind: shared-risk}}\n")
    for number in (1, 2):
        text = ONE_CONDUIT.replace("site: office", f"site: office-{number}")
        text = text.replace("conduit: {kind: shared-risk}", "conduit: {shared: bannock-street}")
        (tmp_path / f"office-{number}.yaml").write_text(text)
    told = call("fleet", tmp_path)
    assert told.stdout == (
        "One failure takes 911 out at\n"
        "  2 sites, 80 people: bannock-street (shared): office-1, office-2\n"
        "  office-1, 40 people: utility\n"
        "  office-2, 40 people: utility\n"
        "\n"
        "Site      State    Margin  In an outage  Required  Single points of failure\n"
        "office-1  at risk  1       23 min        2 h       conduit, utility\n"
        "office-2  at risk  1       23 min        2 h       conduit, utility\n"
    )
    found = json.loads(call("fleet", "--format", "json", tmp_path).stdout)
    assert found["failures"][0] == {
        "component": "bannock-street",
        "shared": True,
        "sites": ["office-1", "office-2"],
        "people": 80,
    }
    rows = list(csv.DictReader(io.StringIO(call("fleet", "--format", "csv", tmp_path).stdout)))
    assert [row["site"] for row in rows] == ["office-1", "office-2"]
    assert rows[0]["survival_seconds"] == "1380"
