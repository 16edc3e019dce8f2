"""Where the text of a secret comes from: an environment variable, or a file in a folder of secrets.

Site files are written by many hands, so a reference never leads out of the folders that were allowed, and
no message repeats what was read.
"""

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from resilience.model import Secret
from resilience.probing import SecretMissing

MOST_BYTES = 64 * 1024
"""No password, key or token is longer; a log file named by mistake is."""

OWN_VARIABLES = "RESILIENCE_"
"""The monitor's own settings, the database's password among them, are no secrets of a site."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """The text of secrets: `secrets(Secret("file", "snmp-auth"))`; raises SecretMissing."""

    environment: Mapping[str, str] = field(repr=False)
    folders: Sequence[Path]
    """Relative names are looked for in each in turn; absolute ones must lie in one of them."""

    def __call__(self, secret: Secret) -> str:
        if secret.source == "clear":
            return secret.name
        if secret.source == "env":
            return self._variable(secret.name)
        return self._file(secret.name)

    def _variable(self, name: str) -> str:
        if name.startswith(OWN_VARIABLES):
            raise SecretMissing(f"the environment variable {name} belongs to the monitor itself")
        if not (text := self.environment.get(name, "")):
            raise SecretMissing(f"the environment variable {name} is not set")
        return text

    def _file(self, name: str) -> str:
        for folder in self.folders:
            text = _read(folder, name)
            if text is not None:
                return text
        looked = ", ".join(map(str, self.folders)) or "no folder: none is configured"
        raise SecretMissing(f"no secret file {name!r} in {looked}")


def secrets_from(environment: Mapping[str, str], *allowed: Path) -> Secrets:
    """systemd's credentials, the container's secrets, then the folders in `allowed`."""
    credentials = environment.get("CREDENTIALS_DIRECTORY", "")
    # One folder is meant, and an empty path would be the working directory.
    first = (Path(credentials),) if os.path.isabs(credentials) else ()
    return Secrets(environment, (*first, Path("/run/secrets"), *allowed))


def _read(folder: Path, name: str) -> str | None:
    """The secret `name` of `folder`, None where the folder has none; links are followed inside the folder only."""
    try:
        root = folder.resolve(strict=True)
        file = (root / name).resolve(strict=True)
        if not file.is_relative_to(root):
            return None
        with open(file, "rb", opener=_without_waiting) as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                raise SecretMissing(f"the secret file {name!r} in {folder} is not a regular file")
            content = opened.read(MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: links in a loop; ValueError: a NUL in the name
        said = error.strerror if isinstance(error, OSError) else "no such path"
        raise SecretMissing(f"the secret file {name!r} in {folder} cannot be read: {said}") from None
    if len(content) > MOST_BYTES:
        raise SecretMissing(f"the secret file {name!r} in {folder} is longer than {MOST_BYTES} bytes")
    return _text(content, f"the secret file {name!r} in {folder}")


def _without_waiting(path: str, flags: int) -> int:
    """A named pipe would hold the monitor up for ever; a link put there since it was resolved is not followed."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _text(content: bytes, which: str) -> str:
    try:
        text = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise SecretMissing(f"{which} is not UTF-8 text") from None
    if not text:
        raise SecretMissing(f"{which} is empty")
    return text
