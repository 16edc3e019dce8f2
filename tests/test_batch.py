"""Many files at once: order, faults and refusals are the same in one process and in several."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from probetypes import TYPES
from resilience.batch import WORTH_A_WORKER, Item, Outcome, Refused, Task, outcomes
from resilience.cli import app
from resilience.folders import listed
from resilience.model import Site
from resilience.sitefile import Reader

MANY = 4 * WORTH_A_WORKER + 7

TEMPLATE = """\
templates:
  kiosk:
    name: Kiosk ${site}
    owner: {team: operations}
    components:
      router: {kind: router, power: []}
      mobile: {kind: cellular, power: []}
    emergency_paths:
      - {name: desk, tier: primary, needs: [router]}
      - {name: mobile, tier: alternate, needs: [mobile]}
"""


@pytest.fixture
def many(tmp_path: Path) -> Path:
    (tmp_path / "_defaults.yaml").write_text(TEMPLATE)
    for number in range(MANY):
        (tmp_path / f"{number:04}.yaml").write_text(f"site: kiosk-{number}\nlike: kiosk\n")
    return tmp_path


def items(folder: Path) -> Sequence[Item]:
    return listed(folder, TYPES).files


def worked(folder: Path, task: Task, jobs: int) -> list[Outcome]:
    return list(outcomes(items(folder), Reader(TYPES), task, jobs=jobs))


def run(*args: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("jobs", [1, 2, 3, 1000])
def test_answers_come_in_the_order_of_the_files(many: Path, jobs: int) -> None:
    found = worked(many, lambda site: site.id, jobs)
    assert [outcome.answer for outcome in found] == [f"kiosk-{number}" for number in range(MANY)]
    assert all(outcome.valid for outcome in found)


def test_several_processes_work_and_a_few_files_stay_in_one(many: Path) -> None:
    def worker(_: Site) -> int:
        return os.getpid()

    assert len({outcome.answer for outcome in worked(many, worker, 3)} - {os.getpid()}) == 3
    few = items(many)[:WORTH_A_WORKER]
    assert {outcome.answer for outcome in outcomes(few, Reader(TYPES), worker, jobs=3)} == {os.getpid()}


@pytest.mark.parametrize("jobs", [1, 3])
def test_what_is_refused_and_what_is_wrong_keeps_its_place(many: Path, jobs: int) -> None:
    def task(site: Site) -> str:
        if site.id == "kiosk-100":
            raise Refused("too large")
        return site.id

    (many / "0050.yaml").write_text("site: kiosk-50\nlike: kisok\n")
    found = worked(many, task, jobs)
    assert str(found[100].answer) == "too large"
    assert isinstance(found[100].answer, Refused)
    assert [index for index, outcome in enumerate(found) if not outcome.valid] == [50]
    assert "did you mean 'kiosk'?" in str(found[50].faults[0])


def test_a_worker_that_dies_is_told_and_no_answer_is_made_up(many: Path) -> None:
    def dies(site: Site) -> str:
        if site.id == "kiosk-200":
            os._exit(9)
        return site.id

    with pytest.raises(RuntimeError, match="a worker process ended"):
        worked(many, dies, 2)


@pytest.mark.parametrize(
    "command", [("analyze",), ("analyze", "--format", "json", "--fail", "router"), ("check",), ("fleet",)]
)
def test_commands_say_the_same_by_one_process_and_by_several(many: Path, command: Sequence[str]) -> None:
    alone, several = (run(*command, "--jobs", jobs, many) for jobs in ("1", "3"))
    assert alone == several
    assert alone[0] == 0
    assert alone[1] + alone[2]


def test_nothing_is_told_of_any_site_while_one_is_wrong(many: Path) -> None:
    (many / "0003.yaml").write_text("site: kiosk-3\nlike: kisok\n")
    (many / f"{MANY - 1:04}.yaml").write_text("site: kiosk-7\nlike: kiosk\n")
    code, said, errors = run("analyze", "--jobs", "2", many)
    assert (code, said) == (1, "")
    assert len(errors.splitlines()) == 2
    assert "0003.yaml:2:7" in errors
    assert f"{MANY - 1:04}.yaml:1:7: site: 'kiosk-7' is the site of" in errors


def test_a_name_to_fail_that_no_site_has(many: Path) -> None:
    code, said, errors = run("analyze", "--jobs", "2", "--fail", "routr", many)
    assert (code, said) == (2, "")
    assert "'routr' is not declared; did you mean 'router'?" in errors
