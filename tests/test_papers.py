"""Reports and rehearsals on paper: what they say, that nothing in them is markup, and the PDF's pages."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

import peers
from exercise import START, exercise, note
from history import SILENT
from resilience.drills import papers
from resilience.drills.record import Action, Entry, Record
from resilience.drills.rehearsal import rehearse
from resilience.drills.story import tell
from resilience.model import Drill
from resilience.survival import design_bounds
from test_drills import A_DOWN, CUT_A, TODAY, WELL, office

WICKED = '<img src=x onerror="alert(1)">'


def failed() -> Record:
    """isp-b hangs on the same fibre as isp-a, which nobody declared."""
    story = [
        note(10, "pulled the fibre at the demarc", mark="fault"),
        (40, A_DOWN | {"isp-b": SILENT, "trunk-b": SILENT}),
        note(120, f"the lobby display went dark {WICKED} | and stayed so"),
        (300, WELL),
    ]
    call = {"path": "mobile", "number": "non-emergency", "heard": "a dispatcher", "location": "floor 2", "passed": True}
    record = exercise(
        office(),
        CUT_A,
        WELL,
        story,
        lasts=400,
        ended_by="J. Ortiz",
        participants=("J. Ortiz", "R. Chen"),
        actions=(Action(text="A second duct for ISP B", owner="Facilities", due="2027-03-31"),),
    )
    return replace(record, entries=(*record.entries, Entry(START + 130, "call", call)), hash="ab" * 32)


def test_the_first_page_says_what_a_manager_asks() -> None:
    told = papers.report(tell(failed()), "html").decode()
    first = told[: told.index("Course of the drill")]
    for text in (
        "911 went by mobile, and desk-b was to carry it.",
        "911 went by mobile while the fault lasted (4 min).",
        "<b>30 s</b> until the fault was seen",
        "<b>0 s</b> from the repair",
        "isp-b depends on something that the site file does not say. "
        "components.isp-b.needs: add isp-a, or what both of them stand on.",
    ):
        assert text in first
    assert "Location read back: floor 2." in told
    assert "A second duct for ISP B" in told
    assert "ab" * 32 in told
    assert "compliant" not in told


def test_what_people_wrote_is_text_and_never_markup() -> None:
    story = tell(failed())
    assert WICKED not in papers.report(story, "html").decode()
    markdown = papers.report(story, "md").decode()
    assert "the lobby display went dark" in markdown
    assert "\\| and stayed so" in markdown


def test_the_last_time_stands_beside_this_one() -> None:
    passed = exercise(office(), CUT_A, WELL, [note(10, "", mark="fault"), (30, A_DOWN), (300, WELL)], lasts=400)
    told = papers.report(tell(failed(), passed), "md").decode()
    assert "| Verdict | passed | failed |" in told
    assert "| Until the fault was seen | 20 s | 30 s |" in told


def test_a_report_for_programs() -> None:
    values = json.loads(papers.report(tell(failed()), "json"))
    assert (values["verdict"], values["path"], values["detected_seconds"]) == ("failed", "mobile", 30)
    assert {row["name"]: row["match"] for row in values["compared"]}["isp-b"] == "suspected undeclared dependency"
    assert values["evidence_sha256"] == "ab" * 32


@pytest.mark.parametrize("form", ["text", "md", "html"])
def test_a_rehearsal_says_when_911_goes_where(form: str) -> None:
    drill = Drill(
        name="dark", fail=("utility",), expect_path="desk-a", expect_within=0, safety=("Ask the ward first.",)
    )
    told = papers.rehearsal(rehearse(office(), drill, design_bounds(office()), TODAY), form).decode()
    assert "With utility failed 911 goes by desk-a." in told
    assert "desk-a is expected to carry 911: so it is by the model." in told
    assert "40 min" in told
    assert "Ask the ward first." in told


def test_pdf_pages(tmp_path: Path) -> None:
    paper = tmp_path / "report.pdf"
    paper.write_bytes(papers.report(tell(failed()), "pdf"))
    pages = subprocess.run(
        [peers.command("pdftotext", "poppler-utils"), "-layout", str(paper), "-"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\f")[:-1]
    assert len(pages) >= 3
    for number, page in enumerate(pages, start=1):
        assert f"Page {number} of {len(pages)}" in page
        assert "Drill isp-a-cut, test" in page
    assert "The one thing to fix" in pages[0]
    assert "Course of the drill" not in pages[0]
