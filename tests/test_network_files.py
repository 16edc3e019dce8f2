"""How a site file writes the network probes: what is read of it, and what is said of a slip."""

import ipaddress

import pytest

import probes
from probes.declared.certificate import Certificate
from probes.declared.dns import Dns
from probes.declared.egress import Egress
from probes.declared.http import Http
from probes.declared.snmp_bgp import Settings as Bgp
from probes.declared.snmp_interface import Settings as Interface
from probes.declared.snmp_ipsla import Settings as IpSla
from probes.declared.snmp_sdwan import Settings as SdWan
from probes.declared.traceroute import Traceroute
from resilience.model import Secret
from resilience.sitefile import read_site

AGENT = {"host": "10.1.0.1", "community": Secret("env", "COMMUNITY")}
WRITTEN = "host: 10.1.0.1, community: {env: COMMUNITY}"
SLA = ipaddress.ip_network("198.51.100.0/28")


def site_with(probe: str) -> bytes:
    return f"""schema: 1
site: a
name: A
owner: {{team: t}}
components:
  wan: {{kind: wan, probes: [{{{probe}}}]}}
emergency_paths: [{{name: desk, tier: primary, needs: [wan]}}]
""".encode()


def read(probe: str) -> tuple[object, list[str]]:
    """The settings of one probe as written, and what is said of it."""
    found = read_site(site_with(probe), "a.yaml", probes.registry())
    said = [str(fault) for fault in found.faults]
    return (found.site.components["wan"].probes[0].settings if found.site else None), said


@pytest.mark.parametrize(
    ("written", "settings"),
    [
        (
            "type: egress, hosts: [a.example, 192.0.2.9], quorum: 2, source: 198.51.100.2, expect: [198.51.100.0/28]",
            Egress(hosts=("a.example", "192.0.2.9"), quorum=2, source="198.51.100.2", expect=(SLA,)),
        ),
        (
            "type: dns, host: 192.0.2.53, query: sbc.carrier.example, record: SRV, slow: 500ms, interface: wan0",
            Dns(host="192.0.2.53", query="sbc.carrier.example", record="SRV", slow=500, interface="wan0"),
        ),
        (
            'type: http, host: web.example, tls: true, path: "/a?b=1", status: [200, 204], expect: ready, follow: no',
            Http(host="web.example", tls=True, path="/a?b=1", status=(200, 204), expect="ready", follow="no"),
        ),
        (
            "type: certificate, host: 192.0.2.5, port: 5061, server-name: sbc.carrier.example, warn: 14d",
            Certificate(host="192.0.2.5", port=5061, server_name="sbc.carrier.example", warn=14 * 86_400_000),
        ),
        (
            "type: traceroute, host: 192.0.2.9, source: 198.51.100.2, depth: 2, own: [198.51.100.0/28]",
            Traceroute(host="192.0.2.9", source="198.51.100.2", depth=2, own=(SLA,)),
        ),
        (
            f"type: snmp-interface, {WRITTEN}, if-name: wan1, capacity: 100M, capacity-out: 12.5M, congested: 0.8",
            Interface(**AGENT, if_name="wan1", capacity=100e6, capacity_out=12.5e6, congested=0.8),
        ),
        (f"type: snmp-bgp, {WRITTEN}, peers: [192.0.2.1]", Bgp(**AGENT, peers=("192.0.2.1",))),
        (f"type: snmp-ipsla, {WRITTEN}, operations: [10, 11]", IpSla(**AGENT, operations=(10, 11))),
        (f"type: snmp-sdwan, {WRITTEN}, member: wan1, check: sbc", SdWan(**AGENT, member="wan1", check="sbc")),
    ],
)
def test_what_is_written_is_what_is_asked(written: str, settings: object) -> None:
    assert read(written) == (settings, [])


@pytest.mark.parametrize("name", ["certificate", "traceroute"])
def test_what_is_read_once_a_day_keeps_no_component_up(name: str) -> None:
    found = read_site(site_with(f"type: {name}, host: 192.0.2.9"), "a.yaml", probes.registry())
    assert found.site is not None
    assert not found.site.components["wan"].probes[0].proves


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("type: egress, host: a.example, expect: [198.51.100.7/28]", "has bits beyond its prefix length"),
        ("type: egress, host: a.example, expect: [isp-a]", "'isp-a' is not an IP prefix such as 198.51.100.0/24"),
        ("type: dns, host: a.example", "'query' is missing (The name asked for)"),
        ("type: http, host: a.example, path: health", "'health' is not a path, such as /health?deep=1"),
        ("type: http, host: a.example, expct: ready", "unknown key 'expct'; did you mean 'expect'?"),
        (f"type: snmp-interface, {WRITTEN}, if-name: wan1, capacity: 100", "'100' is not a rate in bits a second"),
        (
            f"type: snmp-interface, {WRITTEN}",
            "one of 'if-name', 'if-alias' and 'if-index' says which interface is meant",
        ),
        (f"type: snmp-bgp, {WRITTEN}, peers: ['2001:db8::1']", "IPv4 peers only"),
        ("type: bgp, host: a.example", "unknown probe type 'bgp'"),
        ("type: traceroute, host: a.example, interface: wan0", "unknown key 'interface'"),
    ],
)
def test_a_slip_is_named_at_its_place(written: str, says: str) -> None:
    settings, said = read(written)
    assert settings is None
    assert len(said) == 1
    assert said[0].startswith("a.yaml:6:")
    assert says in said[0]
