"""A real upsd over dummy-ups drivers, on loopback."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import peers

DRIVERS = Path("/lib/nut")
"""Where Debian keeps upsd and the drivers; /usr/sbin/upsd is a wrapper that wants a configured system."""


@dataclass(frozen=True)
class Upsd:
    port: int
    files: Mapping[str, Path]
    """The file of each UPS."""
    _drivers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def tells(self, name: str, device: str) -> None:
        """What the UPS tells from now on. A driver reads its file again when its time, in whole seconds, is another."""
        file = self.files[name]
        later = max(int(time.time()), int(file.stat().st_mtime) + 1)
        file.write_text(device)
        os.utime(file, (later, later))

    def kill_driver(self, name: str) -> None:
        """The driver ends: upsd answers DRIVER-NOT-CONNECTED."""
        self._drivers[name].kill()
        self._drivers[name].wait(5)

    def freeze_driver(self, name: str) -> None:
        """The driver says nothing more: upsd answers DATA-STALE after its MAXAGE."""
        self._drivers[name].send_signal(signal.SIGSTOP)

    def ask(self, line: str) -> bytes:
        """Everything upsd sends to `line` and LOGOUT."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            connection.sendall(f"{line}\nLOGOUT\n".encode())
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
        return answer

    def wait_for(self, name: str, text: bytes) -> None:
        """Until `text` stands in the answer to LIST VAR."""
        peers.wait_until(lambda: text in self.ask(f"LIST VAR {name}"), what=f"{text!r} in the table of {name}")


@contextmanager
def upsd(
    folder: Path, devices: Mapping[str, str | bytes | Mapping[str, str]], *, max_age: int = 15, extra: str = ""
) -> Iterator[Upsd]:
    """A upsd with one dummy-ups a device: variables, or the text of a `.dev` file, or of a `.seq` one (with TIMER).

    `extra` is added to upsd.conf.
    """
    peers.command(str(DRIVERS / "upsd"), "nut-server")
    with ExitStack() as stack:
        # A driver's socket lies in the state folder, and a socket's path has 107 bytes at the most.
        state = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="upsd-")))
        files = {name: _definition(folder, name, device) for name, device in devices.items()}
        sections = "".join(
            f"[{name}]\ndriver = dummy-ups\nport = {path}\nmode = {_MODES[path.suffix]}\npollinterval = 1\n"
            for name, path in files.items()
        )
        port = peers.free_port()
        (folder / "ups.conf").write_text(sections)
        (folder / "upsd.conf").write_text(f"LISTEN 127.0.0.1 {port}\nSTATEPATH {state}\nMAXAGE {max_age}\n{extra}")
        (folder / "upsd.users").touch(0o640)
        (folder / "nut.conf").write_text("MODE=none\n")
        env = {"NUT_CONFPATH": str(folder), "NUT_STATEPATH": str(state), "NUT_ALTPIDPATH": str(state)}
        user = ("-u", "root") if os.geteuid() == 0 else ()
        drivers = {
            name: stack.enter_context(
                peers.process(
                    [str(DRIVERS / "dummy-ups"), "-F", "-a", name, *user], log=folder / f"{name}.log", env=env
                )
            )
            for name in files
        }
        for name in files:
            peers.wait_until((state / f"dummy-ups-{name}").exists, what=f"the driver of {name}")
        args = [str(DRIVERS / "upsd"), "-F", *user]
        stack.enter_context(peers.process(args, log=folder / "upsd.log", env=env))
        peers.wait_until(lambda: peers.listening(port), what="upsd")
        running = Upsd(port, files, drivers)
        for name in files:
            running.wait_for(name, b"driver.name")  # before that the status is WAIT and the table has nothing else
        try:
            yield running
        finally:
            for driver in drivers.values():
                driver.send_signal(signal.SIGCONT)  # a frozen one would not heed its end


_MODES = {".dev": "dummy-once", ".seq": "dummy-loop"}


def _definition(folder: Path, name: str, device: str | bytes | Mapping[str, str]) -> Path:
    if isinstance(device, Mapping):
        device = "".join(f"{variable}: {value}\n" for variable, value in device.items())
    text = device.encode() if isinstance(device, str) else device
    path = folder / f"{name}{'.seq' if b'TIMER ' in text else '.dev'}"
    path.write_bytes(text)
    return path
