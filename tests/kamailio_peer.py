"""Real Kamailios on loopback: a provider that answers OPTIONS and registers, a PBX that registers at it.

The configurations are the smallest that do that; each Kamailio lives in a folder of its own.
"""

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import peers

MODULES = """mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
"""

GLOBAL = """debug=1
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
tcp_accept_no_cl=yes
"""

PROVIDER_ROUTES = """
request_route {
    if (is_method("OPTIONS")) { sl_send_reply("200", "OK"); exit; }
    if (!is_method("REGISTER")) { sl_send_reply("404", "Not Found"); exit; }
    if (!pv_auth_check("provider.test", "right-secret", "0", "0")) { auth_challenge("provider.test", "1"); exit; }
    if (!save("location")) sl_reply_error();
}
"""

PBX_ROUTES = """
request_route { sl_send_reply("404", "Not Found"); }
event_route[xhttp:request] {
    if ($hu =~ "^/RPC") { jsonrpc_dispatch(); exit; }
    if ($hu =~ "^/closed") { xhttp_reply("401", "Unauthorized", "text/plain", "no\\n"); exit; }
    xhttp_reply("200", "OK", "text/plain", "kamailio\\n");
}
"""

UACREG_COLUMNS = (
    "id(int,auto) l_uuid(string) l_username(string) l_domain(string) r_username(string) r_domain(string) realm(string)"
    " auth_username(string) auth_password(string) auth_ha1(string,null) auth_proxy(string) expires(int) flags(int)"
    " reg_delay(int) contact_addr(string) socket(string,null)"
)


def free_sip_port() -> int:
    """A port that UDP and TCP both had free a moment ago."""
    while True:
        port = peers.free_port(socket.SOCK_DGRAM)
        if not peers.listening(port):
            return port


@contextmanager
def kamailio(folder: Path, configuration: str, *ports: int) -> Iterator[None]:
    """Runs until the block ends; ready once every one of `ports` takes TCP connections."""
    program = peers.command("kamailio", "kamailio")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kamailio.cfg").write_text("#!KAMAILIO\n" + configuration)
    command = [program, "-f", str(folder / "kamailio.cfg"), "-DD", "-E", "-m", "32", "-M", "4", "-w", str(folder)]
    with peers.process([*command, "-Y", str(folder)], log=folder / "log"):
        peers.wait_until(lambda: all(map(peers.listening, ports)), seconds=30, what=f"kamailio in {folder}")
        yield


RPC_ROUTES = """
event_route[xhttp:request] { jsonrpc_dispatch(); }
"""


@contextmanager
def provider(
    folder: Path, certificates: Mapping[int, tuple[Path, Path]], *, rpc: int = 0, algorithm: str = ""
) -> Iterator[int]:
    """Its SIP port (UDP and TCP); TLS on each port of `certificates`, with that certificate and key (PEM).

    `rpc` is a port for JSON-RPC; `algorithm` is that of its challenges.
    """
    port = free_sip_port()
    configuration = (
        f"{GLOBAL}listen=udp:127.0.0.1:{port}\nlisten=tcp:127.0.0.1:{port}\n{MODULES}"
        'loadmodule "usrloc.so"\nloadmodule "registrar.so"\nloadmodule "auth.so"\n'
    )
    routes = PROVIDER_ROUTES
    if algorithm:
        configuration += f'modparam("auth", "algorithm", "{algorithm}")\n'
    if rpc:
        configuration += f'listen=tcp:127.0.0.1:{rpc}\nloadmodule "xhttp.so"\nloadmodule "jsonrpcs.so"\n'
        configuration += 'modparam("jsonrpcs", "transport", 1)\n'
        routes += RPC_ROUTES
    if certificates:
        folder.mkdir(parents=True)
        (folder / "tls.cfg").write_text(_tls_domains(certificates))
        configuration += "enable_tls=yes\n" + "".join(f"listen=tls:127.0.0.1:{place}\n" for place in certificates)
        configuration += f'loadmodule "tls.so"\nmodparam("tls", "config", "{folder}/tls.cfg")\n'
    with kamailio(folder, configuration + routes, port, *certificates, *filter(None, (rpc,))):
        yield port


@contextmanager
def dispatcher(folder: Path, sets: Mapping[int, Sequence[int]]) -> Iterator[int]:
    """A Kamailio that sends calls to the SIP ports of `sets` and asks each every second; its JSON-RPC port."""
    port, rpc = free_sip_port(), peers.free_port()
    folder.mkdir(parents=True)
    rows = (f"{number} sip:127.0.0.1:{place} 0 0\n" for number, places in sets.items() for place in places)
    (folder / "dispatcher.list").write_text("".join(rows))
    configuration = (
        f"{GLOBAL}listen=udp:127.0.0.1:{port}\nlisten=tcp:127.0.0.1:{rpc}\n{MODULES}"
        'loadmodule "xhttp.so"\nloadmodule "jsonrpcs.so"\nmodparam("jsonrpcs", "transport", 1)\n'
        'modparam("tm", "fr_timer", 1000)\nloadmodule "dispatcher.so"\n'
        f'modparam("dispatcher", "list_file", "{folder}/dispatcher.list")\n'
        'modparam("dispatcher", "ds_ping_interval", 1)\nmodparam("dispatcher", "ds_probing_mode", 1)\n'
        'modparam("dispatcher", "ds_probing_threshold", 1)\nmodparam("dispatcher", "ds_inactive_threshold", 1)\n'
    )
    with kamailio(folder, configuration + PBX_ROUTES, rpc):
        yield rpc


def _tls_domains(certificates: Mapping[int, tuple[Path, Path]]) -> str:
    """A server domain for each port; the first is the default, which Kamailio insists on."""
    domains = ["[client:default]\nmethod = TLSv1.2+\n"]
    for place, (certificate, key) in [("default", next(iter(certificates.values()))), *certificates.items()]:
        domains.append(
            f"[server:{place if place == 'default' else f'127.0.0.1:{place}'}]\nmethod = TLSv1.2+\n"
            f"verify_certificate = no\nrequire_certificate = no\ncertificate = {certificate}\nprivate_key = {key}\n"
        )
    return "".join(domains)


@contextmanager
def pbx(folder: Path, registrations: Mapping[str, tuple[str, int]], *, uac: bool = True) -> Iterator[int]:
    """Its JSON-RPC port. `registrations`: l_uuid to password and provider port; without `uac` it has none."""
    port, rpc = free_sip_port(), peers.free_port()
    tables = folder / "dbtext"
    tables.mkdir(parents=True)
    (tables / "version").write_text("id(int,auto) table_name(string) table_version(int)\n1:version:1\n2:uacreg:5\n")
    rows = (
        f"{row}:{name}:{name}:site.test:{name}:provider.test:provider.test:{name}:{password}::"
        f"sip\\:127.0.0.1\\:{at}:60:0:0:127.0.0.1\\:{port}:"
        for row, (name, (password, at)) in enumerate(registrations.items(), 1)
    )
    (tables / "uacreg").write_text("\n".join((UACREG_COLUMNS, *rows)) + "\n")
    configuration = (
        f"{GLOBAL}listen=udp:127.0.0.1:{port}\nlisten=tcp:127.0.0.1:{rpc}\n{MODULES}"
        'loadmodule "xhttp.so"\nloadmodule "jsonrpcs.so"\nmodparam("jsonrpcs", "transport", 1)\n'
        'modparam("tm", "fr_timer", 1000)\n'
    )
    if uac:
        configuration += (
            'loadmodule "db_text.so"\nloadmodule "uac.so"\n'
            f'modparam("uac", "reg_db_url", "text://{tables}")\n'
            f'modparam("uac", "reg_contact_addr", "127.0.0.1:{port}")\n'
            'modparam("uac", "reg_timer_interval", 1)\nmodparam("uac", "reg_retry_interval", 2)\n'
            'modparam("uac", "restore_mode", "none")\n'
        )
    with kamailio(folder, configuration + PBX_ROUTES, rpc):
        yield rpc
