"""Commands from the signatures of functions: what a command line says becomes what the function is given."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pytest
from click.testing import CliRunner

from resilience.commands.common import flag
from resilience.commands.signatures import Argument, Commands


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


def given(args: Sequence[str], **env: str) -> Any:
    """What `paint` is called with, or what it says of a wrong command line."""
    app, called = Commands(), list[dict[str, Any]]()

    @app.declare()
    def paint(  # noqa: PLR0917  # a command's options
        paths: Annotated[list[Path], Argument("PATH...", "What is painted.")],
        colour: Annotated[Colour, flag("--colour", "Which.")] = Colour.RED,
        coats: Annotated[int, flag("--coats", "How many.", min=1, max=3)] = 2,
        helpers: Annotated[list[str] | None, flag("--with", "Who else.")] = None,
        note: Annotated[Path | None, flag("--note", "Where it is noted.")] = None,
        dry: Annotated[bool, flag("--dry", "Only pretended.")] = False,
    ) -> None:
        """Paints."""
        called.append({"paths": paths, "colour": colour, "coats": coats, "helpers": helpers, "note": note, "dry": dry})

    @app.declare("list")
    def show() -> None:
        """Makes `paint` one of two."""

    ended = CliRunner().invoke(app, ["paint", *args], env=env)
    return called[0] if called else ended.output


def test_what_is_left_out_is_the_default_of_the_signature() -> None:
    assert given(["a", "b"]) == {
        "paths": [Path("a"), Path("b")],
        "colour": Colour.RED,
        "coats": 2,
        "helpers": [],
        "note": None,
        "dry": False,
    }


def test_values_have_the_types_of_the_signature() -> None:
    args = ["--colour", "blue", "--coats", "3", "--with", "x", "--with", "y", "--note", "n", "--dry", "a"]
    assert given(args) == {
        "paths": [Path("a")],
        "colour": Colour.BLUE,
        "coats": 3,
        "helpers": ["x", "y"],
        "note": Path("n"),
        "dry": True,
    }


def test_the_environment_stands_in_for_a_flag() -> None:
    assert given(["a"], RESILIENCE_COLOUR="blue", RESILIENCE_DRY="1")["colour"] is Colour.BLUE
    assert given(["--colour", "red", "a"], RESILIENCE_COLOUR="blue")["colour"] is Colour.RED


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "Missing argument 'PATH...'"),
        (["--colour", "green", "a"], "'green' is not one of 'red', 'blue'"),
        (["--coats", "4", "a"], "4 is not in the range 1<=x<=3"),
        (["--help"], "PATH...  What is painted."),
    ],
)
def test_what_is_wrong_is_said(args: Sequence[str], said: str) -> None:
    assert said in given(args)


def test_a_parameter_that_tells_nothing_is_refused() -> None:
    with pytest.raises(TypeError, match="bare: write Annotated"):

        @Commands().declare()
        def wrong(bare: str) -> None: ...
