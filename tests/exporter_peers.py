"""Prometheus' own exporters for the benchmark: the same questions, asked by blackbox_exporter and snmp_exporter."""

import asyncio
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import peers

BLACKBOX = """modules:
  ping: {prober: icmp, timeout: 5s, icmp: {preferred_ip_protocol: ip4}}
  nut:
    prober: tcp
    timeout: 5s
    tcp: {query_response: [{send: LIST VAR ups}, {expect: ^END LIST VAR}, {send: LOGOUT}]}
"""


@dataclass(frozen=True, slots=True)
class Exporter:
    port: int
    pid: int

    def cpu(self) -> float:
        """Seconds that its process has used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def ask_all(self, path: str, questions: Iterable[dict[str, str]], at_once: int) -> None:
        """A scrape of `path` for each of `questions`; each must have succeeded."""
        waiting = iter(questions)

        async def worker() -> None:
            for question in waiting:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                asked = f"GET {path}?{urlencode(question)} HTTP/1.0\r\nHost: localhost\r\n\r\n"
                writer.write(asked.encode())
                answer = await reader.read(-1)
                writer.close()
                good = b"probe_success 1" in answer if path == "/probe" else b"snmp_scrape_duration_seconds" in answer
                assert good, answer[-300:]

        await asyncio.gather(*(worker() for _ in range(at_once)))


@contextmanager
def _exporter(name: str, config: str, folder: Path) -> Iterator[Exporter]:
    program = peers.command(f"prometheus-{name}-exporter", f"prometheus-{name}-exporter")
    port = peers.free_port()
    written = folder / f"{name}.yml"
    written.write_text(config)
    args = [program, f"--config.file={written}", f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    with peers.process(args, log=folder / f"{name}.log") as process:
        peers.wait_until(lambda: peers.listening(port), what=name)
        yield Exporter(port, process.pid)


APT = "apt-get install prometheus-blackbox-exporter prometheus-snmp-exporter"


def installed() -> bool:
    return all(shutil.which(f"prometheus-{name}-exporter") for name in ("blackbox", "snmp"))


def blackbox(folder: Path) -> AbstractContextManager[Exporter]:
    return _exporter("blackbox", BLACKBOX, folder)


def snmp(folder: Path, oids: Sequence[str]) -> AbstractContextManager[Exporter]:
    metrics = "".join(f"    - {{name: o{place}, oid: {oid}, type: gauge}}\n" for place, oid in enumerate(oids))
    config = f"ten:\n  version: 2\n  auth: {{community: public}}\n  get: [{', '.join(oids)}]\n  metrics:\n{metrics}"
    return _exporter("snmp", config, folder)
