"""Asterisk for the tests: a real one where it is installed, and recordings of Asterisk 22 behind a server of ours.

Debian 12 has no package of Asterisk. The recordings in `recorded/asterisk-22` are whole answers of a real one to the
configuration below, with `@@@` for the ActionID.
"""

import hashlib
import re
import shutil
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import peers
from tcp_peer import serving, until

USER, PASSWORD = "monitor", "ami-secret"
RECORDED = Path(__file__).parent / "recorded" / "asterisk-22"
INSTALLED = shutil.which("asterisk") is not None

Answer = Callable[[dict[str, str]], bytes]
"""From the fields of an action to the bytes that answer it."""


def recorded(name: str, identity: str) -> bytes:
    return (RECORDED / f"{name}.txt").read_text().replace("@@@", identity).replace("\n", "\r\n").encode() + b"\r\n"


def said(identity: str, **fields: str) -> bytes:
    lines = [f"Response: {fields.pop('Response', 'Success')}", f"ActionID: {identity}"]
    return ("\r\n".join([*lines, *(f"{name}: {text}" for name, text in fields.items())]) + "\r\n\r\n").encode()


def replay(action: dict[str, str]) -> bytes:
    """What Asterisk 22 said to each action, by the recordings."""
    names = {"PJSIPShowRegistrationsOutbound": "registrations", "CoreStatus": "status", "CoreSettings": "settings"}
    name = action["Action"]
    if name == "PJSIPShowEndpoint":
        asked = f"endpoint-{action['Endpoint']}"
        known = asked if (RECORDED / f"{asked}.txt").exists() else "endpoint-nosuch"
        return recorded(known, action["ActionID"])
    if name in names:
        return recorded(names[name], action["ActionID"])
    return said(action["ActionID"], Response="Goodbye" if name == "Logoff" else "Error", Message=name)


@contextmanager
def ami(
    answer: Answer = replay,
    *,
    banner: bytes = b"Asterisk Call Manager/11.0.0\r\n",
    challenge: bool = True,
    context: ssl.SSLContext | None = None,
    seen: list[dict[str, str]] | None = None,
) -> Iterator[int]:
    """A manager interface that lets USER in as Asterisk does; `seen` gets the fields of every action."""

    def converse(connection: socket.socket) -> None:
        connection.sendall(banner)
        asked = ""
        while request := until(connection, b"\r\n\r\n"):
            fields = dict(re.findall(r"([^:\r\n]+): ([^\r\n]*)\r\n", request.decode()))
            if seen is not None:
                seen.append(fields)
            identity = fields["ActionID"]
            if fields["Action"] == "Challenge":
                asked = "423239425"
                refusal = {"Response": "Error", "Message": "Authentication type not supported"}
                connection.sendall(said(identity, **({"Challenge": asked} if challenge else refusal)))
            elif fields["Action"] == "Login":
                key = hashlib.md5(f"{asked}{PASSWORD}".encode()).hexdigest()
                right = fields.get("Secret") == PASSWORD or (bool(asked) and fields.get("Key") == key)
                good = right and fields["Username"] == USER
                wrong = {"Response": "Error", "Message": "Authentication failed"}
                connection.sendall(said(identity, **({"Message": "Authentication accepted"} if good else wrong)))
                if not good:
                    return
            else:
                connection.sendall(answer(fields))

    with serving(converse, context=context) as port:
        yield port


MODULES = """[modules]
autoload=no
load=res_sorcery_config.so
load=res_sorcery_memory.so
load=res_sorcery_astdb.so
load=res_pjproject.so
load=res_statsd.so
load=res_pjsip.so
load=res_pjsip_session.so
load=res_pjsip_outbound_registration.so
load=res_pjsip_outbound_authenticator_digest.so
load=res_timing_timerfd.so
load=chan_pjsip.so
"""


def pjsip(own: int, provider: int, nobody: int) -> str:
    """Registrations that stand, are refused, reach nobody, and share a server with another; four endpoints."""
    registrations = "".join(
        f"[{name}]\ntype=registration\nserver_uri=sip:127.0.0.1:{port}\nclient_uri=sip:{user}@provider.test\n"
        f"retry_interval=2\nmax_random_initial_delay=0\n{extra}\n"
        for name, port, user, extra in (
            ("carrier-a", provider, "carrier-a", "outbound_auth=right\nexpiration=120"),
            ("carrier-b", provider, "carrier-b", "outbound_auth=wrong"),
            ("carrier-c", nobody, "carrier-c", ""),
            ("carrier-d", provider, "carrier-a", "outbound_auth=right\ncontact_user=two"),
        )
    )
    secrets = "".join(
        f"[{name}]\ntype=auth\nauth_type=userpass\nusername=carrier\npassword={name}-secret\n"
        for name in ("right", "wrong")
    )
    endpoints = "".join(
        f"[{name}]\ntype=endpoint\naors={name}-aor\ncontext=none\n[{name}-aor]\ntype=aor\n"
        + "".join(f"contact=sip:127.0.0.1:{port}\n" for port in ports)
        + f"qualify_frequency={frequency}\nqualify_timeout=1\n"
        for name, ports, frequency in (
            ("trunk", [provider], 1),
            ("dead", [nobody], 1),
            ("unq", [provider], 0),
            ("mixed", [provider, nobody], 1),
        )
    )
    transport = f"[transport-udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:{own}\n"
    return transport + registrations + secrets + endpoints


@contextmanager
def asterisk(folder: Path, provider: int, own: int, nobody: int) -> Iterator[int]:
    """A real Asterisk over `pjsip`; gives the port of its manager interface."""
    folder.mkdir(parents=True)
    port = peers.free_port()
    directories = "".join(
        f"{name} => {folder}\n"
        for name in ("astetcdir", "astdbdir", "astkeydir", "astspooldir", "astrundir", "astlogdir")
    )
    user = f"secret = {PASSWORD}\nread = system,reporting\n"
    files = {
        "asterisk.conf": f"[directories]\n{directories}[options]\nmaxcalls = 10\n",
        "modules.conf": MODULES,
        "pjsip.conf": pjsip(own, provider, nobody),
        "manager.conf": f"[general]\nenabled = yes\nport = {port}\nbindaddr = 127.0.0.1\n"
        f"[{USER}]\n{user}write = system,reporting\n[readonly]\n{user}write =\n",
        **dict.fromkeys(("logger.conf", "stasis.conf", "cdr.conf", "cel.conf", "features.conf", "ccss.conf"), ""),
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    with peers.process(["asterisk", "-C", str(folder / "asterisk.conf"), "-f"], log=folder / "log"):
        peers.wait_until(lambda: peers.listening(port), seconds=30, what="asterisk")
        yield port
