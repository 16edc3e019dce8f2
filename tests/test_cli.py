"""The command line: what goes to stdout, what to stderr, and every exit code."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

import namespaces
import peers
from lines import Lines, lines, site_on
from monitor_process import RESILIENCE
from resilience import __version__
from resilience.cli import app

OK, INVALID, USAGE = 0, 1, 2

DENVER = """\
schema: 1
site: hq-denver
name: Denver headquarters
owner: {team: site operations}
requires: {power_outage: 2h}
components:
  utility: {kind: utility}
  ups:     {kind: ups, power: [utility], runtime: 23m}
  wan-a:   {kind: wan, attest: {on: 2026-01-01, valid: 36500d}}
  wan-b:   {kind: wan, attest: {on: 2026-01-01, valid: 36500d}}
  conduit: {kind: shared-risk, attest: {on: 2026-01-01, valid: 36500d}}
  pbx:     {kind: pbx, power: [ups], needs: [conduit]}
  phones:  {kind: phones, units: 180, power: [ups]}
emergency_paths:
  - {name: desk-phones, tier: primary, needs: [phones, pbx, {any_of: [wan-a, wan-b]}], instructions: Dial 911.}
accepted_risks:
  - {component: conduit, reason: second duct, by: planning, until: 2099-06-30}
"""

SMALL = """\
site: small
name: Small office
owner: {team: operations}
components:
  mobile: {kind: cellular, power: [], attest: {on: 2026-01-01, valid: 36500d}}
  line: {kind: fallback-line, power: [], attest: {on: 2026-01-01, valid: 36500d}}
emergency_paths:
  - {name: mobile, tier: primary, needs: [mobile]}
  - {name: line, tier: alternate, needs: [line]}
"""

KEYS = [
    "site",
    "basis",
    "state",
    "paths",
    "cut_sets",
    "single_points_of_failure",
    "survival",
    "components",
    "observations",
    "probe_failures",
    "findings",
]


def run(*args: str | Path, env: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command that needs no process of its own."""
    result = CliRunner().invoke(app, [str(arg) for arg in args], env=env)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def process(*args: str | Path, inside: Sequence[str] = (), stdin: str = "") -> tuple[int, str, str]:
    """The same of the command as users start it."""
    ended = subprocess.run(
        [*inside, *RESILIENCE, *map(str, args)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return ended.returncode, ended.stdout, ended.stderr


@pytest.fixture
def denver(tmp_path: Path) -> Path:
    path = tmp_path / "denver.yaml"
    path.write_text(DENVER)
    return path


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return path


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    """A directory of three site files with four faults."""
    folder = tmp_path / "sites"
    (folder / "east").mkdir(parents=True)
    (folder / "a.yaml").write_text(DENVER.replace("needs: [conduit]", "needs: [conduit-est]").replace("23m", "23"))
    (folder / "east" / "b.yaml").write_text(SMALL.replace("owner:", "ownr:"))
    (folder / "good.yaml").write_text(SMALL)
    return folder


# check


def test_check_of_good_files_says_so_on_stderr_alone(denver: Path, small: Path) -> None:
    assert run("check", denver, small) == (OK, "", "2 files, all good\n")
    assert run("check", small) == (OK, "", "1 file, all good\n")


def test_check_tells_every_fault_of_every_file_below_a_directory(wrong: Path) -> None:
    code, out, err = run("check", wrong)
    assert code == INVALID
    assert out == (
        f"{wrong}/a.yaml:8:51: components.ups.runtime: '23' is not a duration; "
        "write a number and a unit, such as 30s, 5m, 2h or 90d\n"
        f"{wrong}/a.yaml:12:46: components.pbx.needs: 'conduit-est' is not declared; did you mean 'conduit'?\n"
        f"{wrong}/east/b.yaml:3:1: ownr: unknown key 'ownr'; did you mean 'owner'?\n"
        f"{wrong}/good.yaml:1:7: site: 'small' is the site of {wrong}/east/b.yaml already\n"
    )
    assert err == "3 files, 3 wrong\n"


def test_check_for_programs(wrong: Path) -> None:
    code, out, _ = run("check", wrong / "a.yaml", "--format", "json")
    assert code == INVALID
    assert json.loads(out)[1] == {
        "file": f"{wrong}/a.yaml",
        "line": 12,
        "column": 46,
        "where": "components.pbx.needs",
        "message": "'conduit-est' is not declared; did you mean 'conduit'?",
        "severity": "error",
        "code": "",
        "for": "",
    }
    assert run("check", wrong / "good.yaml", "--format", "json")[:2] == (OK, "[]\n")


def test_check_for_a_pull_request(wrong: Path) -> None:
    code, out, _ = run("check", wrong / "a.yaml", "--format", "github")
    assert code == INVALID
    assert out.splitlines()[1] == (
        f"::error file={wrong}/a.yaml,line=12,col=46::"
        "components.pbx.needs: 'conduit-est' is not declared; did you mean 'conduit'?"
    )


def test_what_would_end_a_workflow_command_is_escaped(tmp_path: Path) -> None:
    path = tmp_path / "100%.yaml"
    path.write_text(SMALL.replace("owner:", "ownr:"))
    assert f"file={tmp_path}/100%25.yaml,line=3," in run("check", path, "--format", "github")[1]


def test_a_warning_is_told_and_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL.replace("cellular, power: []", "cellular"))
    code, out, err = run("check", path)
    assert (code, err) == (OK, "1 file, all good\n")
    assert "warning: " in out
    assert run("check", path, "--format", "github")[1].startswith("::warning file=")
    assert [fault["severity"] for fault in json.loads(run("check", path, "--format", "json")[1])] == ["warning"]


def test_a_path_without_site_files_is_a_mistake_and_not_all_good(tmp_path: Path, small: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path, message in ((tmp_path / "empty", "no site files in it"), (tmp_path / "no", "No such file or directory")):
        code, out, err = run("check", small, path)
        assert (code, out) == (USAGE, "")
        assert f"{path}: {message}\n" in err


# analyze


def test_analyze_for_people(denver: Path) -> None:
    code, out, err = run("analyze", denver)
    assert (code, err) == (OK, "")
    assert out == (
        "Denver headquarters (hq-denver): AT RISK (design)\n"
        "  911 goes by\n"
        "    1. desk-phones (primary): works  <- use this\n"
        "  One failure takes 911 out\n"
        "    conduit (shared-risk): at once  (accepted)\n"
        "    pbx (pbx): at once\n"
        "    ups (ups): at once\n"
        "    utility (utility): after 23 min\n"
        "  1 pair of failures would\n"
        "  A utility outage leaves 911 23 min (2 h required)\n"
        "  Nobody watches pbx, phones, ups, utility\n"
    )


def test_analyze_for_programs_has_the_keys_of_the_contract(denver: Path) -> None:
    code, out, _ = run("analyze", denver, "--format", "json")
    assert code == OK
    found = json.loads(out)
    assert list(found) == KEYS
    assert (found["site"], found["basis"], found["state"]) == ("hq-denver", "design", "at_risk")
    assert found["paths"] == [
        {"name": "desk-phones", "tier": "primary", "assured": True, "possible": True, "preferred": True}
    ]
    assert found["cut_sets"] == {"1": [["conduit"], ["pbx"], ["ups"], ["utility"]], "2": [["wan-a", "wan-b"]]}
    assert found["single_points_of_failure"][0] == {
        "component": "conduit",
        "kind": "shared-risk",
        "loss_after_seconds": 0,
        "accepted": True,
    }
    assert found["survival"] == [
        {"scenario": "now", "low_seconds": None, "high_seconds": None, "required_seconds": 7200},
        {"scenario": "utility", "low_seconds": 1380, "high_seconds": 1380, "required_seconds": 7200},
    ]
    assert found["components"][0] == {
        "name": "utility",
        "kind": "utility",
        "state": "up",
        "evidence": "declared",
        "age_seconds": None,
        "why": "",
    }
    assert found["observations"] == found["probe_failures"] == []
    assert {"code", "severity", "component", "text"} == set(found["findings"][0])
    assert ("survival_short", "warning") in {(f["code"], f["severity"]) for f in found["findings"]}


def test_several_sites_are_one_object_a_line(denver: Path, small: Path) -> None:
    code, out, _ = run("analyze", denver, small, "--format", "json")
    assert code == OK
    assert [json.loads(line)["site"] for line in out.splitlines()] == ["hq-denver", "small"]


def test_analyze_with_components_failed(denver: Path, small: Path) -> None:
    assert run("analyze", denver, "--fail", "wan-a, wan-b")[1].splitlines()[:3] == [
        "Denver headquarters (hq-denver): UNAVAILABLE (design, with wan-a, wan-b failed)",
        "  911 goes by",
        "    1. desk-phones (primary): DOES NOT WORK",
    ]
    code, out, _ = run("analyze", denver, small, "--fail", "wan-a,line", "--format", "json")
    assert code == OK
    denver_now, small_now = map(json.loads, out.splitlines())
    assert ["wan-b"] in denver_now["cut_sets"]["1"]
    assert small_now["cut_sets"]["1"] == [["mobile"]]
    code, out, err = run("analyze", denver, "--fail", "conduits")
    assert (code, out) == (USAGE, "")
    assert err.endswith("--fail: 'conduits' is not declared; did you mean 'conduit'?\n")


def test_the_order_of_cut_sets_is_asked_for(denver: Path) -> None:
    for order in (1, 2, 3):
        found = json.loads(run("analyze", denver, "--format", "json", "--order", str(order))[1])
        assert list(found["cut_sets"]) == [str(each) for each in range(1, order + 1)]
    assert run("analyze", denver, "--order", "0")[0] == USAGE


def test_analyze_of_a_wrong_file_says_what_is_wrong_and_nothing_else(wrong: Path, denver: Path) -> None:
    code, out, err = run("analyze", denver, wrong / "a.yaml")
    assert (code, out) == (INVALID, "")
    assert len(err.splitlines()) == 2
    assert "did you mean 'conduit'?" in err


# probe


@pytest.fixture
def two_lines() -> Iterator[Lines]:
    with lines() as opened:
        yield opened


def write(folder: Path, text: str) -> Path:
    path = folder / "site.yaml"
    path.write_text(text)
    return path


def test_probe_is_a_plugin_whose_exit_code_is_the_state(tmp_path: Path, two_lines: Lines) -> None:
    path = write(tmp_path, site_on(two_lines.ports))
    assert process("probe", path) == (
        0,
        "RESILIENCE OK - branch protected: no single failure takes 911 out | paths=2\n",
        "",
    )
    two_lines.cut(0)
    code, out, err = process("probe", path)
    assert (code, err) == (1, "")
    assert out.startswith("RESILIENCE WARNING - branch at_risk: ")
    assert "line-b is now a single point of failure: without it 911 is lost at once" in out
    assert out.endswith(" | paths=1\n")
    two_lines.cut(1)
    code, out, _ = process("probe", path)
    assert code == 2
    assert out.startswith("RESILIENCE CRITICAL - branch unavailable: no emergency path works: 911 cannot be called")
    assert out.endswith(" | survival=0s paths=0\n")


def test_probe_of_what_cannot_be_known_is_unknown(tmp_path: Path, two_lines: Lines) -> None:
    # 192.0.2.0/24 is no address of this machine: nothing can be sent from there, so nothing is learnt.
    path = write(tmp_path, site_on(two_lines.ports, pace="source: 192.0.2.1"))
    code, out, _ = process("probe", path)
    assert code == 3
    assert out.startswith("RESILIENCE UNKNOWN - branch unverified: 911 is possible, but nothing seen now assures it")


def test_the_figures_of_the_plugin_hold_survival_against_what_is_required(tmp_path: Path, two_lines: Lines) -> None:
    probed = DENVER.replace(
        "attest: {on: 2026-01-01, valid: 36500d}", "probes: [{type: tcp, host: 127.0.0.1, port: PORT}]"
    )
    path = write(tmp_path, probed.replace("PORT", str(two_lines.ports[0])))
    code, out, _ = process("probe", path)
    said, figures = out.split(" | ")
    assert code == 1
    assert said.startswith("RESILIENCE WARNING - hq-denver at_risk: ")
    assert "in a utility outage 911 lasts 23 min; 2 h are required" in said
    assert figures == "survival=1380s;;7200: paths=1\n"


def test_probe_for_programs_has_what_was_read_and_what_failed(tmp_path: Path, two_lines: Lines) -> None:
    two_lines.cut(1)
    code, out, _ = process("probe", write(tmp_path, site_on(two_lines.ports)), "--format", "json")
    assert code == 1
    found = json.loads(out)
    assert list(found) == [*KEYS, "margin", "timeline", "explanations"]
    assert (found["basis"], found["state"], found["margin"]["failures"]) == ("live", "at_risk", 1)
    assert found["explanations"][0]["fix"] == {"text": "line-b back in service", "leaves": []}
    (seen,) = found["observations"]
    assert (seen["component"], seen["probe"], seen["quantity"], seen["unit"], seen["source"]) == (
        "line-a",
        "tcp",
        "wan_rtt_seconds",
        "s",
        "TCP handshake",
    )
    assert 0 < seen["value"] < 1
    (failed,) = found["probe_failures"]
    assert (failed["component"], failed["probe"], failed["reason"]) == ("line-b", "tcp", "refused")
    line = next(component for component in found["components"] if component["name"] == "line-b")
    assert (line["state"], line["evidence"]) == ("down", "observed")
    assert line["age_seconds"] >= 0


def test_what_prevents_an_assessment_is_unknown_and_never_a_warning_or_an_alarm(wrong: Path, tmp_path: Path) -> None:
    for args, said in (
        ((), "Missing argument 'SITE.yaml'"),
        (("--nix",), "No such option"),
        ((wrong / "no.yaml",), "no.yaml: No such file or directory"),
        ((wrong / "a.yaml",), "a.yaml:8:51: components.ups.runtime: '23' is not a duration"),
        ((wrong,), "3 site files; one is probed at a time"),
        ((wrong / "good.yaml", "--timeout", "3"), "--timeout: '3' is not a duration"),
    ):
        code, out, _ = run("probe", *args)
        assert code == 3, args
        assert out.startswith("RESILIENCE UNKNOWN - "), args
        assert said in out
        assert len(out.splitlines()) == 1


def test_probe_ends_in_its_time_though_a_peer_says_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        probes = f"[{{type: nut, host: 127.0.0.1, port: {port}, ups: a, interval: 9m, timeout: 5m}}]"
        path = write(tmp_path, DENVER.replace("runtime: 23m", f"runtime: 23m, probes: {probes}"))
        code, out, _ = process("probe", path, "--format", "json", "--timeout", "1s")
    assert code == 3
    (failed,) = json.loads(out)["probe_failures"]
    assert (failed["component"], failed["reason"], failed["text"]) == ("ups", "timeout", "nothing within 1 s")


def test_probe_ends_in_its_time_though_the_resolver_says_nothing(tmp_path: Path) -> None:
    peers.root()
    path = write(tmp_path, site_on((1, 2)).replace("127.0.0.1", "line.example.org"))
    resolvers = tmp_path / "resolv.conf"
    resolvers.write_text("nameserver 127.0.0.1\noptions timeout:30 attempts:5\n")
    with namespaces.namespace() as lone:
        # A server that is there and silent: the name is asked for until the resolver's own time is up.
        silent = lone.inside(lambda: _bound_udp(53))
        with silent:
            shell = f'mount --bind "{resolvers}" /etc/resolv.conf && exec "$@"'
            inside = lone.command("unshare", "--mount", "sh", "-c", shell, "sh")
            code, out, _ = process("probe", path, "--timeout", "2s", inside=inside)
    assert code == 3
    assert out.startswith("RESILIENCE UNKNOWN - branch unverified: ")


def _bound_udp(port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", port))
    return made


# init


ANSWERS = ("--name", "Denver headquarters", "--team", "Site operations", "--power-outage", "2h", "--ways", "sip,line")


def test_init_by_flags_writes_a_file_that_checks_and_analyzes(tmp_path: Path) -> None:
    path = tmp_path / "denver.yaml"
    assert run("init", *ANSWERS, "--output", path) == (OK, "", f"wrote {path}; next: resilience check {path}\n")
    assert run("check", path) == (OK, "", "1 file, all good\n")
    assert run("analyze", path)[1].startswith("Denver headquarters (denver-headquarters): ")
    assert run("init", *ANSWERS)[1] == path.read_text()


def test_init_overwrites_nothing(small: Path) -> None:
    code, out, err = run("init", *ANSWERS, "--output", small)
    assert (code, out) == (USAGE, "")
    assert f"{small} exists already; nothing was written" in err
    assert small.read_text() == SMALL


def test_init_asks_on_stderr_and_again_where_an_answer_is_none() -> None:
    typed = "Denver headquarters\ntwo\n2h\nsips\nsip,line\n"
    code, out, err = process("init", "--team", "Site operations", stdin=typed)
    assert code == OK
    assert out == run("init", *ANSWERS)[1]
    assert "What do people call the site? " in err
    assert "Which team answers for it?" not in err
    assert "Error: 'two' is not a duration" in err
    assert "Error: 'sips' is not one of sip, line, cellular; did you mean 'sip'?" in err


def test_init_refuses_a_flag_that_is_no_answer() -> None:
    code, out, err = run("init", *ANSWERS[:-1], "sips")
    assert (code, out) == (USAGE, "")
    assert "'sips' is not one of sip, line, cellular" in err


# the rest


def test_schema_is_a_json_schema() -> None:
    code, out, _ = run("schema")
    assert code == OK
    assert json.loads(out)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_version() -> None:
    assert run("version") == (OK, f"{__version__}\n", "")
    assert process("version") == (OK, f"{__version__}\n", "")


def test_every_flag_has_its_variable() -> None:
    commands = app.every()
    flags = {
        (command.name, option.opts[0]): option.envvar
        for command in commands.values()
        for option in command.params
        if option.param_type_name == "option" and option.name != "help"
    }
    assert {("run", "--sites"), ("run", "--listen"), ("run", "--name"), ("probe", "--timeout")} <= set(flags)
    del flags["schema", "--config"]  # asks for a schema; the variable of that name is the settings' file
    for (command, flag), variable in flags.items():
        assert variable == f"RESILIENCE_{flag.removeprefix('--').upper().replace('-', '_')}", command


def test_a_flag_is_stronger_than_its_variable(small: Path) -> None:
    by_variable = {"RESILIENCE_FORMAT": "json", "RESILIENCE_ORDER": "3"}
    assert set(json.loads(run("analyze", small, env=by_variable)[1])["cut_sets"]) == {"1", "2", "3"}
    assert set(json.loads(run("analyze", small, "--order", "1", env=by_variable)[1])["cut_sets"]) == {"1"}


@pytest.mark.parametrize("args", [("nix",), ("check",), ("analyze", "--nix", "x")])
def test_usage_errors(args: tuple[str, ...]) -> None:
    code, out, err = run(*args)
    assert (code, out) == (USAGE, "")
    assert err.startswith("Usage: ")


def test_a_reader_that_goes_away_gets_no_complaint(denver: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as gone:
        ended = subprocess.run(
            [sys.executable, "-m", "resilience", "analyze", str(denver)],
            stdout=gone,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert ended.stderr == b""
