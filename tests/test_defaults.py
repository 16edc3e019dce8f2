"""`_defaults.yaml`: what site files take from it, in which order, and what is told of bad ones and where."""

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import probes
from probetypes import TYPES, Icmp, Nut, SnmpUps, Tcp
from resilience.defaults import Lent, read_defaults
from resilience.folders import Folders
from resilience.model import ProbeSpec, Secret, Site, all_of, any_of
from resilience.resolved import resolved
from resilience.schema import defaults_schema, site_schema
from resilience.sitefile import Reader, SiteFile, each_once, read_path, read_site
from resilience.yamltree import Table, parse_tree
from test_schema import load
from test_sitefile import GOOD, TREES, WORDS, write

HERE = Path(__file__).parent
BAD = sorted(path for path in (HERE / "baddefaults").iterdir())
BRANCHES = HERE.parent / "sites" / "branches"

MINUTE = 60_000

BRANCH = """
templates:
  branch:
    name: Branch at ${lan}
    owner: {team: operations}
    components:
      utility: {kind: utility}
      ups: {kind: ups, power: [utility], runtime: 40m, probes: [{type: nut, host: "${lan}.5", ups: closet}]}
      router: {kind: router, power: [ups], probes: [{type: icmp, host: "${lan}.1"}]}
      pots: {kind: fallback-line, power: []}
    emergency_paths:
      - {name: desk, tier: primary, needs: router, instructions: Dial 911.}
      - {name: pots, tier: alternate, needs: pots}
"""
A_BRANCH = "site: a\nlike: branch\nvars: {lan: 10.17.4}\n"


def fleet(folder: Path, **files: str) -> dict[str, SiteFile]:
    """What is read of the files written into `folder`, by their names; `_` stands for `/` and `defaults` alone for
    `_defaults.yaml`."""
    for name, text in files.items():
        *folders, stem = name.split("_")
        write(folder, "/".join([*folders, f"{'_defaults' if stem == 'defaults' else stem}.yaml"]), text)
    return {str(path.relative_to(folder)): found for path, found in read_path(folder, TYPES).items()}


def good(found: SiteFile) -> Site:
    assert [str(fault) for fault in found.faults] == []
    assert found.site is not None
    return found.site


def site(folder: Path, text: str, defaults: str) -> Site:
    """The site of `text` beside those defaults, without a fault."""
    return good(fleet(folder, defaults=defaults, a=text)["a.yaml"])


def told(found: dict[str, SiteFile], folder: Path) -> list[str]:
    return [str(fault).replace(f"{folder}/", "") for fault in each_once(found.values())]


def named(site: Site, component: str) -> dict[str, ProbeSpec]:
    return {probe.name: probe for probe in site.components[component].probes}


@pytest.mark.parametrize("folder", BAD, ids=lambda path: path.name)
def test_bad_ones_are_told_all_their_faults_where_they_stand(folder: Path) -> None:
    found = {str(path.relative_to(folder)): file for path, file in read_path(folder, TYPES).items()}
    expected = [
        f"{path.relative_to(folder)}:{line}"
        for path in folder.rglob("*.y*ml")
        for line in re.findall(r"^# expect: (.*)$", path.read_text(), re.MULTILINE)
    ]
    assert sorted(told(found, folder)) == sorted(expected)
    assert expected
    for file in found.values():
        assert (file.site is None) == any(not fault.warning for fault in file.faults)


# What stands over what


def test_a_site_after_a_template(tmp_path: Path) -> None:
    branch = site(tmp_path, A_BRANCH, BRANCH)
    assert (branch.id, branch.name, branch.owner.team) == ("a", "Branch at 10.17.4", "operations")
    assert list(branch.components) == ["utility", "ups", "router", "pots"]
    assert branch.components["ups"].probes[0].settings == Nut(host="10.17.4.5", ups="closet")
    assert [path.name for path in branch.emergency_paths] == ["desk", "pots"]


def test_outer_then_inner_then_template_then_site(tmp_path: Path) -> None:
    requires = "requires: {power_outage: 1h}"
    found = fleet(
        tmp_path,
        defaults=f"site: {{region: outer, people: 1, {requires}, labels: {{a: outer, b: outer, c: outer, d: outer}}}}"
        + BRANCH.replace("    name:", "    people: 3\n    labels: {c: template, d: template}\n    name:"),
        west_defaults="site: {region: inner, people: 2, name: inner, labels: {b: inner, c: inner}}",
        west_a=A_BRANCH + "people: 4\nlabels: {d: site}\n",
        b=GOOD.replace("site: good", "site: b"),
    )
    inner, outer = good(found["west/a.yaml"]), good(found["b.yaml"])
    assert (inner.region, inner.name, inner.people) == ("inner", "Branch at 10.17.4", 4)
    assert inner.labels == {"a": "outer", "b": "inner", "c": "template", "d": "site"}
    assert (outer.region, outer.people, outer.power_outage) == ("outer", 1, 60 * MINUTE)


def test_mappings_merge_and_lists_and_values_replace(tmp_path: Path) -> None:
    branch = site(tmp_path, A_BRANCH + "components: {ups: {runtime: 1h}, router: {power: [utility]}}\n", BRANCH)
    assert (branch.components["ups"].runtime, branch.components["ups"].power) == (60 * MINUTE, ("utility",))
    assert branch.components["router"].power == ("utility",)


def test_probes_and_paths_merge_by_name(tmp_path: Path) -> None:
    branch = site(
        tmp_path,
        A_BRANCH
        + """
components:
  router:
    probes:
      - {type: tcp, host: 10.17.4.1, port: 22}
      - {type: icmp, count: 5}
      - {type: icmp, name: second, host: 10.17.4.2}
emergency_paths:
  - {name: mobile, tier: emergency, needs: utility}
  - {name: desk, instructions: Dial 9 911.}
""",
        BRANCH,
    )
    router = named(branch, "router")
    assert list(router) == ["icmp", "tcp", "second"]
    assert router["icmp"].settings == Icmp(host="10.17.4.1", count=5)
    assert [(path.name, path.instructions) for path in branch.emergency_paths] == [
        ("desk", "Dial 9 911."),
        ("pots", ""),
        ("mobile", ""),
    ]


def test_unset_removes(tmp_path: Path) -> None:
    branch = site(
        tmp_path,
        A_BRANCH
        + """
region: unset
components: {pots: unset, ups: {runtime: unset, probes: unset}}
emergency_paths: [pots: unset]
""",
        BRANCH + "site: {region: west}\n",
    )
    assert "pots" not in branch.components
    assert [path.name for path in branch.emergency_paths] == ["desk"]
    assert (branch.components["ups"].runtime, branch.components["ups"].probes, branch.region) == (None, (), "")


def test_what_was_unset_may_stand_again(tmp_path: Path) -> None:
    branch = site(
        tmp_path,
        A_BRANCH
        + """
components:
  ups: {probes: [nut: unset, {type: snmp-ups, name: nut, host: 10.17.4.6}]}
emergency_paths:
  - desk: unset
  - {name: desk, tier: contingency, needs: ups}
""",
        BRANCH,
    )
    assert named(branch, "ups")["nut"].settings == SnmpUps(host="10.17.4.6")
    assert [(path.name, path.instructions) for path in branch.emergency_paths] == [("pots", ""), ("desk", "")]


def test_a_kind_lies_beneath_everything(tmp_path: Path) -> None:
    kinds = "kinds: {ups: {power: [pots], holds: 5m, probes: [{type: nut, user: monitor}]}, router: {holds: 1h}}\n"
    more = "components: {router: {holds: unset}, spare: {kind: ups, probes: unset, power: [utility]}}\n"
    found = fleet(
        tmp_path,
        defaults=BRANCH + kinds,
        west_defaults="kinds: {ups: {holds: 6m}}",
        a=A_BRANCH,
        west_b=A_BRANCH.replace("site: a", "site: b") + more,
    )
    a, b = good(found["a.yaml"]).components, good(found["west/b.yaml"]).components
    assert (a["ups"].power, a["ups"].holds, a["router"].holds) == (("utility",), 5 * MINUTE, 60 * MINUTE)
    assert a["ups"].probes[0].settings == Nut(host="10.17.4.5", ups="closet", user="monitor")
    assert (b["ups"].holds, b["router"].holds) == (6 * MINUTE, 0)
    assert (b["spare"].power, b["spare"].holds, b["spare"].probes) == (("utility",), 6 * MINUTE, ())


def test_a_kind_is_that_of_the_topmost_word(tmp_path: Path) -> None:
    defaults = BRANCH + "kinds: {gateway: {holds: 1m}, router: {holds: 2m}, fallback-line: {holds: 3m}}\n"
    branch = site(tmp_path, A_BRANCH + "components: {router: {kind: gateway}}\n", defaults)
    assert [branch.components[name].holds for name in ("router", "pots")] == [MINUTE, 3 * MINUTE]


def test_a_component_unset_in_between_begins_anew(tmp_path: Path) -> None:
    found = fleet(
        tmp_path,
        defaults="site: {components: {pbx: {kind: router, units: 7}}}",
        west_defaults="site: {components: {pbx: unset}}",
        west_a=GOOD,
    )
    assert good(found["west/a.yaml"]).components["pbx"].units == 1


@pytest.mark.parametrize(
    ("over", "needs"),
    [
        ("{any_of: [pots, ups]}", any_of("pots", "ups")),
        ("{at_least: {count: 1, of: [pots]}}", any_of("pots")),
        ("pots", all_of("pots")),
        ("{all_of: [pots]}", all_of("pots")),
    ],
)
def test_a_gate_is_one_value(over: str, needs: object, tmp_path: Path) -> None:
    defaults = BRANCH.replace("needs: router", "needs: {all_of: [router, ups]}")
    branch = site(tmp_path, A_BRANCH + f"emergency_paths: [{{name: desk, needs: {over}}}]\n", defaults)
    assert branch.emergency_paths[0].needs == needs


def test_the_count_of_a_gate_alone(tmp_path: Path) -> None:
    defaults = BRANCH.replace("needs: router", "needs: {at_least: {count: 1, of: [router, ups]}}")
    branch = site(tmp_path, A_BRANCH + "emergency_paths: [{name: desk, needs: {at_least: {count: 2}}}]\n", defaults)
    assert branch.emergency_paths[0].needs == all_of("router", "ups")


def test_a_secret_is_one_value(tmp_path: Path) -> None:
    defaults = BRANCH + "probes: {nut: {password: {env: ONE}}}\nsite: {labels: {env: a}}\n"
    more = "labels: {file: b}\ncomponents: {ups: {probes: [{type: nut, password: {file: two}}]}}\n"
    branch = site(tmp_path, A_BRANCH + more, defaults)
    assert branch.components["ups"].probes[0].settings == Nut(
        host="10.17.4.5", ups="closet", password=Secret("file", "two")
    )
    assert branch.labels == {"env": "a", "file": "b"}  # two labels, and no secret


def test_an_inner_folder_may_unset_what_an_outer_one_lends(tmp_path: Path) -> None:
    found = fleet(
        tmp_path,
        defaults="site: {region: west}\nkinds: {pbx: {holds: 1m}, ups: {holds: 2m}}\nprobes: {icmp: {interval: 9m}}\n"
        + BRANCH,
        near_defaults="site: unset\nkinds: {pbx: unset}\nprobes: unset\ntemplates: {branch: unset}\n",
        near_a=GOOD.replace("power: []", "power: [], probes: [{type: icmp, host: 10.1.0.1}]"),
        near_b="site: b\nlike: branch\n",
    )
    near = good(found["near/a.yaml"])
    assert (near.region, near.components["pbx"].holds, near.probes[0].interval) == ("", 0, MINUTE // 2)
    assert messages(found) == ["'branch' is not a template; no _defaults.yaml here or above has any"]


# Probes


PLAIN = """
site: a
name: A
owner: {team: t}
emergency_paths: [{name: desk, tier: primary, needs: edge}]
"""


def test_what_is_usual_for_a_type_lies_beneath_the_device(tmp_path: Path) -> None:
    plain = site(
        tmp_path,
        PLAIN
        + """
devices: {box: {host: 10.1.0.5, user: of-the-device, interval: 2m}}
components:
  edge:
    kind: service
    probes:
      - {type: nut, name: one, device: box, user: own}
      - {type: nut, name: two, host: 10.1.0.6}
      - {type: tcp, host: 10.1.0.7, port: 22}
""",
        "probes: {nut: {ups: usual, user: usual, port: 3000, interval: 9m, timeout: 7s}}",
    )
    one, two, tcp = plain.probes
    assert one.settings == Nut(host="10.1.0.5", ups="usual", user="own", port=3000)
    assert two.settings == Nut(host="10.1.0.6", ups="usual", user="usual", port=3000)
    assert (one.interval, one.timeout, two.interval) == (2 * MINUTE, 7_000, 9 * MINUTE)
    assert (tcp.settings, tcp.interval) == (Tcp(host="10.1.0.7", port=22), MINUTE)


def test_a_type_may_have_its_usual_device(tmp_path: Path) -> None:
    plain = site(
        tmp_path,
        PLAIN + "devices: {box: {host: 10.1.0.5}}\ncomponents: {edge: {kind: service, probes: [{type: nut}]}}\n",
        "probes: {nut: {device: box, ups: usual, host: 10.1.0.1}}",
    )
    assert plain.probes[0].settings == Nut(host="10.1.0.5", ups="usual")


def test_the_usual_road_of_a_type_before_that_of_the_site(tmp_path: Path) -> None:
    plain = site(
        tmp_path,
        PLAIN
        + """
via: [edge]
components:
  edge: {kind: service, probes: [{type: icmp, host: 10.1.0.1}]}
  wan: {kind: wan, needs: [edge], probes: [{type: icmp, host: 10.1.0.2}]}
  switch:
    kind: service
    probes: [{type: icmp, host: 10.1.0.3}, {type: tcp, host: 10.1.0.3, port: 22}, {type: nut, host: h, ups: u, via: []}]
""",
        "probes: {icmp: {via: [wan]}, nut: {via: [wan]}}",
    )
    assert {probe.key: probe.via for probe in plain.probes} == {
        ("edge", "icmp"): (),
        ("wan", "icmp"): ("edge",),  # it stands on its type's road, but not on the site's
        ("switch", "icmp"): ("wan",),
        ("switch", "tcp"): ("edge",),
        ("switch", "nut"): (),
    }


# Templates and variables


def test_templates_of_the_nearer_folder(tmp_path: Path) -> None:
    found = fleet(
        tmp_path,
        defaults=BRANCH + "  office: {name: Office}\n",
        west_defaults=BRANCH.replace("Branch at", "Western branch at"),
        west_a=A_BRANCH,
        b=A_BRANCH.replace("site: a", "site: b"),
    )
    assert good(found["west/a.yaml"]).name == "Western branch at 10.17.4"
    assert good(found["b.yaml"]).name == "Branch at 10.17.4"


def test_a_folder_may_say_what_its_sites_are_like_and_give_variables(tmp_path: Path) -> None:
    found = fleet(
        tmp_path,
        defaults=BRANCH.replace("    name:", "    vars: {lan: 10.0.0, room: lobby}\n    region: ${room}\n    name:"),
        west_defaults="site: {like: branch, vars: {lan: 10.1.0, room: hall, other: unused}}",
        west_a="site: a\nvars: {lan: 10.2.0}\n",
        b="site: b\nlike: branch\n",
    )
    a, b = good(found["west/a.yaml"]), good(found["b.yaml"])
    assert (a.name, a.region) == ("Branch at 10.2.0", "lobby")  # the template stands over the folder
    assert (b.name, b.region) == ("Branch at 10.0.0", "lobby")


def test_unset_like_is_like_nothing(tmp_path: Path) -> None:
    found = fleet(tmp_path, defaults="site: {like: branch, region: west}" + BRANCH, a=GOOD + "like: unset\n")
    assert (good(found["a.yaml"]).name, good(found["a.yaml"]).region) == ("Good site", "west")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("${lan}", "10.17.4"),
        ("a ${lan} b ${site}${lan}", "a 10.17.4 b a10.17.4"),
        ("$${lan}", "${lan}"),
        ("$$${lan}", "$${lan}"),
        ("$lan $ {lan} $$ {}", "$lan $ {lan} $$ {}"),
        ("${odd}", "${lan}"),
    ],
)
def test_variables_in_templates(written: str, read: str, tmp_path: Path) -> None:
    defaults = BRANCH.replace("name: Branch at ${lan}", f"name: '{written}'\n    region: '${{odd}}'")
    branch = site(tmp_path, A_BRANCH.replace("10.17.4", "10.17.4, odd: '${lan}'"), defaults)
    assert (branch.name, branch.region) == (read, "${lan}")


def test_variables_stand_in_every_part_of_the_defaults(tmp_path: Path) -> None:
    defaults = (
        BRANCH.replace("${lan}.5", "${lan}.6")
        + "site: {region: 'at ${site}'}\nkinds: {ups: {probes: [{type: nut, user: '${site}', host: '${lan}.9'}]}}\n"
        + "probes: {icmp: {source: '${lan}.250'}}\n"
    )
    branch = site(tmp_path, A_BRANCH, defaults)
    assert branch.region == "at a"
    assert branch.components["ups"].probes[0].settings == Nut(host="10.17.4.6", ups="closet", user="a")
    assert branch.components["router"].probes[0].settings == Icmp(host="10.17.4.1", source="10.17.4.250")


def test_a_site_file_itself_has_no_variables(tmp_path: Path) -> None:
    assert site(tmp_path, A_BRANCH + "region: ${lan}\n", BRANCH).region == "${lan}"


def test_a_variable_in_a_value_that_is_replaced_need_not_be_known(tmp_path: Path) -> None:
    more = "name: A\ncomponents: {ups: {probes: unset}, router: {probes: [{type: icmp, host: 10.1.0.1}]}}\n"
    assert site(tmp_path, "site: a\nlike: branch\n" + more, BRANCH).name == "A"


# Shared components

SHARED = """
kinds: {wan: {holds: 1m}}
probes: {icmp: {interval: 1m}}
shared: {hub: {kind: wan, description: the hub, probes: [{type: icmp, host: 192.0.2.1}]}}
"""


def test_what_is_shared_is_the_same_everywhere(tmp_path: Path) -> None:
    one = PLAIN + "via: [lan]\ncomponents: {edge: {shared: hub}, lan: {kind: service}}\n"
    found = fleet(
        tmp_path,
        defaults=SHARED,
        west_defaults="kinds: {wan: {holds: 9m}}\nprobes: {icmp: {interval: 9m, via: [lan]}}",
        a=one,
        west_b=one.replace("site: a", "site: b").replace(
            "{shared: hub}", "{shared: hub, kind: wan, description: our hub, x-a: 1}"
        ),
    )
    here, there = (good(found[name]).components["edge"] for name in ("a.yaml", "west/b.yaml"))
    assert (here.kind, here.holds, here.shared, here.description) == ("wan", MINUTE, "hub", "the hub")
    assert (here.probes[0].settings, here.probes[0].interval) == (Icmp(host="192.0.2.1"), MINUTE)
    assert here.probes[0].via == ()  # it is not reached over the site
    assert there == replace(here, description="our hub")


def test_which_shared_thing_may_be_a_variable(tmp_path: Path) -> None:
    defaults = SHARED + BRANCH.replace("      router:", "      hub: {shared: '${hub}'}\n      router:")
    assert site(tmp_path, A_BRANCH.replace("{lan", "{hub: hub, lan"), defaults).components["hub"].kind == "wan"


# Where defaults hold


def test_a_file_its_folder_and_the_whole_tree_are_told_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "sites/_defaults.yaml", BRANCH + "site: {region: '${nowhere}'}\n")
    path = write(tmp_path, "sites/west/far/a.yaml", A_BRANCH)  # nothing stands in `west`
    write(tmp_path, "sites/west/far/_defaults.yaml", "site: {people: 9}")
    message = (
        f"{tmp_path}/sites/_defaults.yaml:14:16: region: unknown variable 'nowhere': 'vars' does not give it"
        f" (for {tmp_path}/sites/west/far/a.yaml)"
    )
    for start in (path, path.parent, path.parent.parent, tmp_path / "sites", tmp_path):
        assert [str(fault) for fault in read_path(start, TYPES)[path].faults] == [message]
    for folder, start in (("sites", "west"), ("sites/west/far", "a.yaml"), ("sites/west/far", "."), ("", "sites")):
        monkeypatch.chdir(tmp_path / folder)
        (found,) = read_path(Path(start), TYPES).values()
        top = Path(os.path.relpath(tmp_path / "sites" / "_defaults.yaml"))
        assert str(found.faults[0]).startswith(f"{top}:14:16: region: unknown variable 'nowhere'")


def test_a_folder_where_everyone_may_leave_files_lends_nothing_below(tmp_path: Path) -> None:
    write(tmp_path, "_defaults.yaml", "site: {region: planted}")
    own = write(tmp_path, "a.yaml", GOOD)
    below = write(tmp_path, "mine/b.yaml", GOOD.replace("site: good", "site: b"))
    tmp_path.chmod(0o1777)
    assert [good(read_path(path, TYPES)[path]).region for path in (own, below)] == ["planted", ""]
    tmp_path.chmod(0o755)
    assert good(read_path(below, TYPES)[below]).region == "planted"


def test_each_defaults_file_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, "_defaults.yaml", "site: {region: west}")
    for name in ("b", "c"):
        (tmp_path / "a" / name).mkdir(parents=True)
    folders = Folders(TYPES, relative=False)
    first = folders.lent(tmp_path / "a" / "b")
    write(tmp_path, "_defaults.yaml", "site: {region: east}")
    assert folders.lent(tmp_path / "a" / "c") is folders.lent(tmp_path) is first


def test_broken_defaults_stand_in_what_is_read_and_good_ones_do_not(tmp_path: Path) -> None:
    found = fleet(tmp_path, defaults="site: {}", west_defaults="sight: {}", west_a=GOOD, b=GOOD.replace("good", "b"))
    assert {name: file.site is None for name, file in found.items()} == {
        "b.yaml": False,
        "west/_defaults.yaml": True,
        "west/a.yaml": True,
    }
    assert found["west/a.yaml"].id is not None  # a monitor that runs keeps the version it has of this site
    assert found["west/a.yaml"].id.text == "good"


def test_a_site_alone_looks_nothing_up() -> None:
    text = GOOD.replace("pbx, power", "pbx, shared: core, power")
    assert good(read_site(text.encode(), "a.yaml", TYPES)).components["pbx"].shared == "core"


# Bounds


def messages(found: dict[str, SiteFile]) -> list[str]:
    return [fault.message for file in found.values() for fault in file.faults]


def test_a_kind_put_into_every_component_is_bounded(tmp_path: Path) -> None:
    hosts = ", ".join(f"h{number}" for number in range(2000))
    components = "".join(f"  c{number}: {{kind: service}}\n" for number in range(2000))
    found = fleet(
        tmp_path,
        defaults=f"kinds: {{service: {{probes: [{{type: icmp, hosts: [{hosts}]}}]}}}}",
        a=GOOD.replace("components:\n", f"components:\n{components}"),
    )
    (fault,) = found["a.yaml"].faults
    assert fault.message == "put into every component it makes more than 1048576 bytes"
    assert (fault.mark.file, fault.reader) == (f"{tmp_path}/_defaults.yaml", f"{tmp_path}/a.yaml")


def test_variables_are_bounded(tmp_path: Path) -> None:
    text = "${x}" * 5000
    long = "x" * 2000
    found = fleet(tmp_path, defaults=f"site: {{region: '{text}'}}", a=GOOD + f"vars: {{x: {long}}}\n")
    assert messages(found) == ["with its variables replaced the text is longer than 1048576 bytes"]


def test_what_a_device_lends_to_all_is_bounded(tmp_path: Path) -> None:
    hosts = ", ".join(f"h{number}" for number in range(2000))
    probes_ = ", ".join(f"{{type: icmp, name: p{number}, device: box}}" for number in range(200))
    found = fleet(
        tmp_path,
        a=GOOD.replace("power: []}", f"power: [], probes: [{probes_}]}}") + f"devices: {{box: {{hosts: [{hosts}]}}}}\n",
    )
    assert messages(found) == ["with all that it takes from elsewhere the file is longer than 1048576 bytes"]


def test_many_sites_under_one_fault_tell_it_once(tmp_path: Path) -> None:
    write(tmp_path, "_defaults.yaml", BRANCH.replace("needs: router", "needs: rooter"))
    for number in range(300):
        write(tmp_path, f"b{number:03}.yaml", A_BRANCH.replace("site: a", f"site: b-{number}"))
    found = read_path(tmp_path, TYPES)
    (fault,) = each_once(found.values())
    assert str(fault) == (
        f"{tmp_path}/_defaults.yaml:12:44: emergency_paths[0].needs: 'rooter' is not declared; did you mean 'router'?"
        f" (for {tmp_path}/b000.yaml and 299 more)"
    )


# The result, with origins


def test_the_result_says_where_each_value_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    more = "probes: {nut: {user: monitor, password: hunter2}}\nsite: {via: [pots]}\n"
    write(tmp_path, "_defaults.yaml", BRANCH + more)
    write(tmp_path, "west/a.yaml", A_BRANCH + "x-note: 'a: b'\ncomponents: {pots: {units: 2}}\n")
    found, text = resolved(Path("west/a.yaml"), TYPES)
    assert found.site is not None
    lines = [re.sub(r" {2,}#", "  #", line) for line in text.splitlines()]
    assert lines == [
        "site: a  # west/a.yaml:1",
        "name: Branch at 10.17.4  # _defaults.yaml:4",
        "owner:",
        "  team: operations  # _defaults.yaml:5",
        "via: [pots]  # _defaults.yaml:15",
        "components:",
        "  utility:",
        "    kind: utility  # _defaults.yaml:7",
        "  ups:",
        "    kind: ups  # _defaults.yaml:8",
        "    power: [utility]  # _defaults.yaml:8",
        "    runtime: 40m  # _defaults.yaml:8",
        "    probes:",
        "      - type: nut  # _defaults.yaml:8",
        "        host: 10.17.4.5  # _defaults.yaml:8",
        "        ups: closet  # _defaults.yaml:8",
        "        user: monitor  # _defaults.yaml:14",
        '        password: "***"  # _defaults.yaml:14',
        "        via: [pots]  # _defaults.yaml:15",
        "  router:",
        "    kind: router  # _defaults.yaml:9",
        "    power: [ups]  # _defaults.yaml:9",
        "    probes:",
        "      - type: icmp  # _defaults.yaml:9",
        "        host: 10.17.4.1  # _defaults.yaml:9",
        "        via: [pots]  # _defaults.yaml:15",
        "  pots:",
        "    kind: fallback-line  # _defaults.yaml:10",
        "    power: []  # _defaults.yaml:10",
        "    units: 2  # west/a.yaml:5",
        "emergency_paths:",
        "  - name: desk  # _defaults.yaml:12",
        "    tier: primary  # _defaults.yaml:12",
        "    needs: router  # _defaults.yaml:12",
        "    instructions: Dial 911.  # _defaults.yaml:12",
        "  - name: pots  # _defaults.yaml:13",
        "    tier: alternate  # _defaults.yaml:13",
        "    needs: pots  # _defaults.yaml:13",
        'x-note: "a: b"  # west/a.yaml:4',
    ]


CASES = [*sorted(BRANCHES.glob("branch-*.yaml")), *sorted((HERE.parent / "sites").glob("*.yaml"))]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_result_is_a_file_of_the_same_site(path: Path) -> None:
    types = {**TYPES, **probes.registry()}
    found, text = resolved(path, types)
    assert found == read_path(path, types)[path]
    assert good(read_site(text.encode(), "resolved.yaml", types)) == good(found)


def test_the_result_of_what_cannot_be_put_together(tmp_path: Path) -> None:
    write(tmp_path, "_defaults.yaml", "sight: {}")
    found, text = resolved(write(tmp_path, "a.yaml", GOOD), TYPES)
    assert (found.site, text) == (None, "")
    with pytest.raises(FileNotFoundError):
        resolved(tmp_path / "b.yaml", TYPES)
    found, text = resolved(tmp_path, TYPES)
    assert ([fault.message for fault in found.faults], text) == (["not a file"], "")


# The examples and the schemas


def test_twenty_branches_of_ten_lines() -> None:
    types = {**TYPES, **probes.registry()}
    found = read_path(BRANCHES, types)
    assert [str(fault) for file in found.values() for fault in file.faults] == []
    assert len(found) == 20
    for path, file in found.items():
        assert good(file).id == path.stem
        assert len(path.read_text().splitlines()) == 10
        assert len(good(file).components) >= 9


def test_the_schemas_take_the_examples() -> None:
    types = {**TYPES, **probes.registry()}
    sites, defaults = (Draft202012Validator(schema(types)) for schema in (site_schema, defaults_schema))
    assert [error.message for error in defaults.iter_errors(load(BRANCHES / "_defaults.yaml"))] == []
    for path in BRANCHES.glob("branch-*.yaml"):
        assert [error.message for error in sites.iter_errors(load(path))] == []


SHAPELY = {
    "nothing-to-unset-in-a-section",
    "nothing-to-unset-of-a-kind",
    "shared-declarations",
    "shared-in-an-inner-folder",
    "shared-twice",
}
"""Bad fixtures whose defaults have a good shape."""


def test_the_schema_of_defaults_refuses_what_has_no_shape() -> None:
    schema = defaults_schema(TYPES)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    broken = {folder.name for folder in BAD if any(file.name == "_defaults.yaml" for file in read_path(folder, TYPES))}
    unloadable = {"not-yaml", "misnamed"}
    fitting = {
        name
        for name in broken - unloadable
        if all(validator.is_valid(load(path)) for path in (HERE / "baddefaults" / name).rglob("_defaults.yaml"))
    }
    assert fitting == SHAPELY


# However a site is parted between a template and its file, it stays the same

WHOLE = {"needs", "password", "auth", "priv", "community", "site"}
"""Not parted: gates and secrets are one value each, and the id stands in the file."""
NAMED = {"probes": ("name", "type"), "emergency_paths": ("name",)}


def parted(node: dict[str, Any], draw: st.DataObject) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two mappings, of which the second over the first is `node`; some values below are of no account."""
    below: dict[str, Any] = {}
    above: dict[str, Any] = {}
    for key, value in node.items():
        where = draw.draw(st.sampled_from(["above"] if key in WHOLE else ["below", "above", "both"]))
        if where != "both":
            (below if where == "below" else above)[key] = value
        elif isinstance(value, dict):
            below[key], above[key] = parted(value, draw)
        elif key in NAMED:
            items = [parted(item, draw) for item in value]
            names = [{word: item[word] for word in NAMED[key] if word in item} for item in value]
            below[key] = [{**lower, **name} for (lower, _), name in zip(items, names, strict=True)]
            above[key] = [{**upper, **name} for (_, upper), name in zip(items, names, strict=True)]
        else:
            below[key], above[key] = draw.draw(st.sampled_from(["of no account", ["none"]])), value
    return below, above


@pytest.mark.parametrize("name", ["hq-denver", "hospital-pueblo", "command-post"])
@given(draw=st.data())
@settings(max_examples=15, deadline=None)
def test_a_site_parted_at_will_is_the_same_site(name: str, draw: st.DataObject) -> None:
    types = {**TYPES, **probes.registry()}
    text = (HERE.parent / "sites" / f"{name}.yaml").read_bytes()
    below, above = parted(yaml.load(text, yaml.BaseLoader), draw)
    template = parse_tree(yaml.safe_dump(below).encode(), "_defaults.yaml")
    assert isinstance(template, Table)
    file = yaml.safe_dump({**above, "like": "branch"}, sort_keys=False).encode()
    found = Reader(types).read(file, "a.yaml", Lent(templates={"branch": template}))
    assert good(found) == good(read_site(text, "a.yaml", types))


# Nothing makes the reader raise


def holds(site: bytes, lent: Lent) -> None:
    reader = Reader(TYPES)
    found, tree = reader.read_whole(site, "a.yaml", lent)
    assert (found.site is None) == any(not fault.warning for fault in found.faults)
    assert found.site is None or tree is not None


KEYS = st.sampled_from(["site", "kinds", "probes", "templates", "shared"])
WORDS_HERE = WORDS | st.sampled_from(["unset", "${lan}", "${site}", "${", "$${", "like", "vars", "branch", "shared"])
PARTS = st.recursive(
    WORDS_HERE | TREES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS_HERE, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(KEYS | WORDS, PARTS, max_size=4), st.dictionaries(WORDS_HERE, PARTS, max_size=6))
@settings(max_examples=150, deadline=None)
def test_any_defaults_and_any_site(defaults: object, declared: object) -> None:
    text = yaml.safe_dump(defaults, allow_unicode=True).encode()
    lent, faults = read_defaults(text, "_defaults.yaml", TYPES, Lent())
    assert [fault.mark for fault in faults] == sorted(
        (fault.mark for fault in faults), key=lambda mark: (mark.line, mark.column)
    )
    assert any(not fault.warning for fault in faults) or not faults
    holds(yaml.safe_dump(declared, allow_unicode=True).encode(), lent)


@given(PARTS, PARTS, PARTS)
@settings(max_examples=150, deadline=None)
def test_any_layers_of_components(kind: object, template: object, own: object) -> None:
    defaults = {"kinds": {"ups": kind}, "templates": {"branch": {"components": template}}, "site": {"components": own}}
    lent, _ = read_defaults(yaml.safe_dump(defaults).encode(), "_defaults.yaml", TYPES, Lent())
    holds(yaml.safe_dump({"site": "a", "like": "branch", "components": own}).encode(), lent)


SOURCE = (BRANCHES / "_defaults.yaml").read_bytes()
SITE = (BRANCHES / "branch-golden.yaml").read_bytes()


@given(st.lists(st.tuples(st.integers(0, len(SOURCE)), st.integers(0, 30), st.binary(max_size=6)), max_size=3))
@settings(max_examples=100, deadline=None)
def test_any_spoiled_defaults(edits: list[tuple[int, int, bytes]]) -> None:
    text = SOURCE
    for place, gone, put in edits:
        text = text[:place] + put + text[place + gone :]
    lent, _ = read_defaults(text, "_defaults.yaml", TYPES, Lent())
    holds(SITE, lent)
