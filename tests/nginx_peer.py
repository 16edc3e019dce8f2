"""nginx on loopback: pages, statuses and redirects over HTTP, and a TLS server for each certificate."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import peers

PAGES = """
location = /health { return 200 "all lines ready\\n"; }
location = /empty { return 204; }
location = /broken { return 503; }
location = /login { return 302 http://portal.test/login; }
location = /moved { return 301 /health; }
location = /round { return 302 /round; }
location = /up { return 302 https://$host:%(tls)s/health; }
location = /nowhere { return 302 "http://[/"; }
location = /agent { return 200 "$http_user_agent $http_host $http_proxy_authorization $remote_addr\\n"; }
"""


@contextmanager
def nginx(folder: Path, certificates: Mapping[str, tuple[Path, Path]]) -> Iterator[dict[str, int]]:
    """Ports by name: `plain`, and one over TLS for each certificate."""
    program = peers.command("nginx", "nginx-light")
    ports = {name: peers.free_port() for name in ("plain", *certificates)}
    pages = PAGES % {"tls": ports.get("good", 0)}
    servers = [f"server {{ listen 127.0.0.1:{ports['plain']}; {pages} }}"]
    for name, (certificate, key) in certificates.items():
        tls = f"ssl_certificate {certificate}; ssl_certificate_key {key};"
        servers.append(f"server {{ listen 127.0.0.1:{ports[name]} ssl; {tls} {pages} }}")
    temporary = "".join(f"{kind}_temp_path {folder};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;" if os.geteuid() == 0 else ""
    configuration = folder / "nginx.conf"
    configuration.write_text(
        f"daemon off; worker_processes 1; pid {folder}/pid; error_log stderr; {user} events {{}}\n"
        f"http {{ access_log off; {temporary}\n" + "\n".join(servers) + "\n}\n"
    )
    command = [program, "-c", str(configuration), "-p", str(folder), "-e", "stderr"]
    with peers.process(command, log=folder / "log"):
        for name, port in ports.items():
            peers.wait_until(lambda port=port: peers.listening(port), what=f"nginx {name}")  # type: ignore[misc]
        yield ports
