"""Secrets: found where they are allowed, refused elsewhere, never in a message."""

import os
from pathlib import Path

import pytest

from resilience.model import Secret
from resilience.probing import SecretMissing
from resilience.secrets import MOST_BYTES, Secrets, secrets_from


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "secrets"
    made.mkdir()
    (made / "auth").write_text("hunter2\n")
    (tmp_path / "outside").write_text("hunter3\n")
    return made


def file(name: str | Path) -> Secret:
    return Secret("file", str(name))


def refusal(secrets: Secrets, secret: Secret) -> str:
    with pytest.raises(SecretMissing) as missing:
        secrets(secret)
    assert "hunter" not in str(missing.value)
    return str(missing.value)


def test_where_secrets_are_found(folder: Path) -> None:
    secrets = Secrets({"SNMP_PRIV": "hunter4"}, (folder,))
    assert secrets(Secret("clear", "hunter1")) == "hunter1"
    assert secrets(file("auth")) == "hunter2"
    assert secrets(file(folder / "auth")) == "hunter2"
    assert secrets(Secret("env", "SNMP_PRIV")) == "hunter4"


@pytest.mark.parametrize(
    ("written", "text"), [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a "), ("pässword", "pässword")]
)
def test_one_line_end_is_taken_off(folder: Path, written: str, text: str) -> None:
    (folder / "auth").write_bytes(written.encode())
    assert Secrets({}, (folder,))(file("auth")) == text


def test_the_first_folder_that_has_it(folder: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    second.mkdir()
    (second / "auth").write_text("other")
    (second / "only").write_text("only")
    secrets = Secrets({}, (tmp_path / "absent", folder, second))
    assert (secrets(file("auth")), secrets(file("only"))) == ("hunter2", "only")


@pytest.mark.parametrize("name", ["../outside", "sub/../../outside", "link", "sub/link/outside", "nowhere", "auth/x"])
def test_there_is_no_way_out(folder: Path, name: str) -> None:
    (folder / "sub").mkdir()
    (folder / "link").symlink_to(folder.parent / "outside")
    (folder / "sub" / "link").symlink_to(folder.parent)
    assert refusal(Secrets({}, (folder,)), file(name)) == f"no secret file {name!r} in {folder}"


def test_an_absolute_name_elsewhere_is_refused(folder: Path) -> None:
    refusal(Secrets({}, (folder,)), file(folder.parent / "outside"))
    refusal(Secrets({}, ()), file(folder / "auth"))


def test_links_inside_the_folder_are_followed(folder: Path) -> None:
    """Kubernetes mounts secrets as links into a folder of the day."""
    (folder / "..2026_11_23").mkdir()
    (folder / "..2026_11_23" / "priv").write_text("hunter5")
    (folder / "..data").symlink_to("..2026_11_23")
    (folder / "priv").symlink_to("..data/priv")
    assert Secrets({}, (folder,))(file("priv")) == "hunter5"


def test_what_is_no_secret(folder: Path) -> None:
    (folder / "long").write_bytes(b"hunter" * MOST_BYTES)
    (folder / "binary").write_bytes(b"hunter\xff")
    (folder / "empty").write_text("\n")
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "circle").symlink_to("circle")
    secrets = Secrets({}, (folder,))
    assert refusal(secrets, file("long")).endswith("is longer than 65536 bytes")
    assert refusal(secrets, file("binary")).endswith("is not UTF-8 text")
    assert refusal(secrets, file("empty")).endswith("is empty")
    assert refusal(secrets, file("folder")).endswith("cannot be read: Is a directory")
    assert refusal(secrets, file("pipe")).endswith("is not a regular file")
    assert "cannot be read" in refusal(secrets, file("circle"))
    assert "cannot be read" in refusal(secrets, file("nul\0byte"))


def test_variables() -> None:
    secrets = Secrets({"EMPTY": "", "RESILIENCE_DATABASE": "hunter6"}, ())
    assert refusal(secrets, Secret("env", "EMPTY")) == "the environment variable EMPTY is not set"
    assert refusal(secrets, Secret("env", "ABSENT")) == "the environment variable ABSENT is not set"
    assert "belongs to the monitor" in refusal(secrets, Secret("env", "RESILIENCE_DATABASE"))
    assert "hunter" not in repr(secrets)


def test_the_usual_folders(folder: Path) -> None:
    assert secrets_from({"CREDENTIALS_DIRECTORY": str(folder)})(file("auth")) == "hunter2"
    assert secrets_from({}, folder)(file("auth")) == "hunter2"
    assert secrets_from({}).folders == (Path("/run/secrets"),)
    assert secrets_from({"CREDENTIALS_DIRECTORY": "relative"}).folders == (Path("/run/secrets"),)
