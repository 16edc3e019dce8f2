"""The asterisk probe against recordings of Asterisk 22, a real one where it is installed, and peers that misbehave."""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

import asterisk_peer
import kamailio_peer
import peers
from asterisk_peer import PASSWORD, USER, ami, recorded, replay, said
from conftest import clear
from probes.ami import ACTIONS, MOST_OF_A_MESSAGE, ProtocolError, Reader, action
from probes.asterisk import channels, contacts, registrations
from probes.declared.asterisk import ASTERISK, Asterisk
from probes.pbx import Calls
from resilience.catalogue import QUANTITIES
from resilience.probing import Channels, Run
from resilience.reading import Reading, Reason, State
from test_sip_options import Authority

RunProbe = Callable[..., Reading]


def values(reading: Reading, quantity: str) -> dict[str, float]:
    return {seen.target: seen.value for seen in reading.observations if seen.quantity == quantity}


@dataclass(frozen=True)
class Pbx:
    port: int
    works: str
    """The URI of a contact that answers, and of one that does not."""
    silent: str


@pytest.fixture(scope="module", params=["recorded", *(["real"] if asterisk_peer.INSTALLED else [])])
def pbx(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pbx]:
    if request.param == "recorded":
        with ami() as port:
            yield Pbx(port, "sip:127.0.0.1:15070", "sip:127.0.0.1:15079")
        return
    folder = tmp_path_factory.mktemp("asterisk")
    own, nobody = kamailio_peer.free_sip_port(), kamailio_peer.free_sip_port()
    with (
        kamailio_peer.provider(folder / "provider", {}) as provider,
        asterisk_peer.asterisk(folder / "pbx", provider, own, nobody) as port,
    ):
        found = Pbx(port, f"sip:127.0.0.1:{provider}", f"sip:127.0.0.1:{nobody}")
        peers.wait_until(lambda: settled(port), seconds=30, what="the registrations and qualifications of asterisk")
        yield found


def settled(port: int) -> bool:
    registered = values(once(port, registration="carrier-a"), "trunk_registered")
    refused = once(port, registration="carrier-b").text
    mixed = values(once(port, endpoint="mixed"), "trunk_up")
    return registered == {"carrier-a": 1} and "rejected" in refused and sorted(mixed.values()) == [0, 1]


def once(port: int, *, timeout: float = 5, **settings: Any) -> Reading:
    return several(port, settings, timeout=timeout)[0]


def several(port: int, *each: dict[str, Any], timeout: float = 5) -> list[Reading]:
    """Readings one after another over one set of channels, as a monitor would take them."""

    async def run() -> list[Reading]:
        channels = Channels()
        usual: dict[str, Any] = {"host": "127.0.0.1", "port": port, "user": USER, "password": clear(PASSWORD)}
        once = Run(timeout, 0, channels, lambda secret: secret.name)
        try:
            return [await ASTERISK.probe(Asterisk(**{**usual, **settings}), once) for settings in each]
        finally:
            await channels.aclose()

    return asyncio.run(run())


class TestAsterisk:
    @pytest.mark.parametrize("name", ["carrier-a", "carrier-d"])
    def test_two_registrations_of_one_server_are_kept_apart(self, pbx: Pbx, name: str) -> None:
        reading = once(pbx.port, registration=name)
        assert (reading.state, reading.reason, reading.text) == (State.UP, None, "")
        assert values(reading, "trunk_registered") == {name: 1}
        assert values(reading, "trunk_calls") == {"": 0}
        assert values(reading, "trunk_calls_ratio") == {"": 0}
        assert {seen.quantity for seen in reading.observations} <= set(QUANTITIES)

    @pytest.mark.parametrize(
        ("name", "texts"),
        [
            ("carrier-b", ["rejected by the provider"]),
            ("carrier-c", ["not registered", "rejected by the provider", "never registered"]),
            (
                "carrier-x",
                ["the PBX has none of that name; it has: carrier-a, carrier-b, carrier-c, carrier-d"],
            ),
        ],
    )
    def test_what_is_not_registered_is_down_and_never_absent(self, pbx: Pbx, name: str, texts: list[str]) -> None:
        reading = once(pbx.port, registration=name)
        assert (reading.state, reading.reason) == (State.DOWN, None)
        assert reading.text in [f"not working: {name} ({text})" for text in texts]
        assert values(reading, "trunk_registered") == {name: 0}

    def test_without_a_name_all_count_and_no_secret_shows(self, pbx: Pbx) -> None:
        reading = once(pbx.port)
        assert reading.state is State.DEGRADED
        assert values(reading, "trunk_registered") == {"carrier-a": 1, "carrier-b": 0, "carrier-c": 0, "carrier-d": 1}
        assert "secret" not in repr(reading)

    def test_contacts_as_asterisk_sees_them(self, pbx: Pbx) -> None:
        works = once(pbx.port, endpoint="trunk")
        assert (works.state, works.text, values(works, "trunk_up")) == (State.UP, "", {pbx.works: 1})
        assert 0 < values(works, "trunk_rtt_seconds")[pbx.works] < 1
        dead = once(pbx.port, endpoint="dead")
        assert (dead.state, values(dead, "trunk_up")) == (State.DOWN, {pbx.silent: 0})
        mixed = once(pbx.port, endpoint="mixed")
        assert (mixed.state, values(mixed, "trunk_up")) == (State.DEGRADED, {pbx.works: 1, pbx.silent: 0})
        assert mixed.text == f"not working: {pbx.silent} (does not answer Asterisk's OPTIONS)"

    def test_a_contact_that_asterisk_never_asks_is_not_known(self, pbx: Pbx) -> None:
        reading = once(pbx.port, endpoint="unq")
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.DEVICE)
        assert reading.text == f"not known to work: {pbx.works} (never asked: its qualify_frequency is 0)"
        assert values(reading, "trunk_up") == {}

    def test_a_registration_and_an_endpoint_must_both_hold(self, pbx: Pbx) -> None:
        assert once(pbx.port, registration="carrier-a", endpoint="trunk").state is State.UP
        reading = once(pbx.port, registration="carrier-a", endpoint="dead")
        assert (reading.state, values(reading, "trunk_registered")) == (State.DOWN, {"carrier-a": 1})

    def test_an_endpoint_that_is_not_there(self, pbx: Pbx) -> None:
        reading = once(pbx.port, endpoint="nosuch")
        assert (reading.state, reading.text) == (
            State.DOWN,
            "not working: nosuch (Asterisk has no such endpoint)",
        )

    def test_a_wrong_password_is_tried_once(self, pbx: Pbx) -> None:
        wrong = {"password": clear("wrong")}
        first, second, right = several(pbx.port, wrong, wrong, {"registration": "carrier-a"})
        assert (first.state, first.reason) == (State.UNKNOWN, Reason.AUTH)
        assert "refuses the user monitor (Authentication failed); not tried again for 15 min" in first.text
        assert second == first
        assert right.state is State.UP


def test_nothing_is_sent_that_acts_and_no_password_in_clear() -> None:
    seen: list[dict[str, str]] = []
    with ami(answering(DAHDIShowChannels=lambda i: dahdi(i, "DAHDIChannel: 3\r\nAlarm: No Alarm")), seen=seen) as port:
        once(port, registration="carrier-a", endpoint="trunk", dahdi=3)
        wrong = {"password": clear("wrong")}
        several(port, wrong, wrong)
    assert {fields["Action"] for fields in seen} == set(ACTIONS)
    assert PASSWORD not in repr(seen)
    assert sum(fields["Action"] == "Login" for fields in seen) == 2
    assert all(fields["Events"] == "off" for fields in seen if fields["Action"] == "Login")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("Originate", {}), ("Command", {}), ("Login", {"Username": "a\r\nAction: Originate"}), ("Login", {"a\nb": "c"})],
)
def test_the_builder_refuses_what_would_act(name: str, arguments: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="not an action that a probe sends"):
        action(name, "1", **arguments)


class TestTls:
    @pytest.fixture
    def certified(self, tmp_path: Path) -> tuple[ssl.SSLContext, str]:
        authority = Authority(tmp_path)
        certificate, key = authority.issue("pbx", 90, x509.DNSName("localhost"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context, str(authority.pem)

    def test_over_tls(self, certified: tuple[ssl.SSLContext, str]) -> None:
        context, ca = certified
        with ami(context=context) as port:
            good = once(port, host="localhost", tls=True, ca=ca, registration="carrier-a")
            other_name = once(port, tls=True, ca=ca)
            unknown_issuer = once(port, host="localhost", tls=True)
        assert good.state is State.UP
        assert [(bad.state, bad.reason) for bad in (other_name, unknown_issuer)] == [(State.UNKNOWN, Reason.TLS)] * 2

    def test_a_password_goes_in_clear_only_within_tls(self, certified: tuple[ssl.SSLContext, str]) -> None:
        context, ca = certified
        seen: list[dict[str, str]] = []
        with ami(challenge=False, seen=seen) as port:
            refused = once(port)
        assert (refused.state, refused.reason) == (State.UNKNOWN, Reason.AUTH)
        assert [fields["Action"] for fields in seen] == ["Challenge"]
        with ami(challenge=False, context=context) as port:
            assert once(port, host="localhost", tls=True, ca=ca, registration="carrier-a").state is State.UP


def answering(**named: Callable[[str], bytes]) -> Callable[[dict[str, str]], bytes]:
    """As Asterisk did, but for the actions in `named`."""
    return lambda fields: named[fields["Action"]](fields["ActionID"]) if fields["Action"] in named else replay(fields)


LIST = "PJSIPShowRegistrationsOutbound"


def listing(identity: str, *events: str) -> bytes:
    start = said(identity, EventList="start", Message="follows")
    bodies = "".join(f"Event: OutboundRegistrationDetail\r\nActionID: {identity}\r\n{one}\r\n\r\n" for one in events)
    end = f"Event: OutboundRegistrationDetailComplete\r\nActionID: {identity}\r\nEventList: Complete\r\n\r\n"
    return start + bodies.encode() + end.encode()


class TestBadPeers:
    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (lambda i: b"", Reason.TIMEOUT),
            (lambda i: listing(i, "ObjectName: a\r\nStatus: Registered")[:-30], Reason.TIMEOUT),
            (lambda i: listing("other", "ObjectName: a\r\nStatus: Registered"), Reason.TIMEOUT),
            (lambda i: listing(i, "ObjectName: a", "ObjectName: a"), Reason.PROTOCOL),
            (lambda i: listing(i, "Status: Registered"), Reason.PROTOCOL),
            (lambda i: recorded("registrations", i).replace(b"ListItems: 4", b"ListItems: 5"), Reason.PROTOCOL),
            (lambda i: listing(i, "ObjectName: a\r\nStatus: Rejected\r\nStatus: Registered"), Reason.PROTOCOL),
            (lambda i: listing(i, "no colon here"), Reason.PROTOCOL),
            (lambda i: b"x" * (MOST_OF_A_MESSAGE + 1), Reason.PROTOCOL),
            (lambda i: listing(i, *[f"ObjectName: {n}\r\nX: {'x' * 60_000}" for n in range(300)]), Reason.PROTOCOL),
            (lambda i: listing(i).split(b"\r\n\r\n", 1)[1], Reason.PROTOCOL),
            (listing, Reason.DEVICE),
            (lambda i: recorded("denied", i), Reason.AUTH),
            (lambda i: recorded("unknown", i), Reason.NOT_OFFERED),
            (lambda i: said(i, Response="Error", Message="Unable to"), Reason.DEVICE),
        ],
    )
    def test_say_nothing_of_the_trunk(self, answer: Callable[[str], bytes], reason: Reason) -> None:
        with ami(answering(**{LIST: answer})) as port:
            reading = once(port, timeout=0.4 if reason is Reason.TIMEOUT else 5)
        assert (reading.state, reading.reason) == (State.UNKNOWN, reason), reading
        assert reading.text
        assert values(reading, "trunk_registered") == {}

    @pytest.mark.parametrize("banner", [b"SSH-2.0-OpenSSH_9.6\r\n", b"\xff" * 100, b"Asterisk Call Manager/x\r\n"])
    def test_another_service(self, banner: bytes) -> None:
        with ami(banner=banner) as port:
            reading = once(port)
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.PROTOCOL)

    def test_a_late_answer_to_another_question_is_passed_over(self) -> None:
        late = listing("other", "ObjectName: carrier-a\r\nStatus: Registered")
        with ami(answering(**{LIST: lambda i: late + listing(i, "ObjectName: carrier-a\r\nStatus: Rejected")})) as port:
            assert once(port, registration="carrier-a").state is State.DOWN

    def test_events_that_nobody_asked_for_are_passed_over(self) -> None:
        event = b"Event: FullyBooted\r\nStatus: Fully Booted\r\n\r\n"
        with ami(answering(**{LIST: lambda i: event + recorded("registrations", i)})) as port:
            assert once(port, registration="carrier-a").state is State.UP

    def test_without_the_right_to_ask_for_calls_the_registration_still_counts(self) -> None:
        with ami(answering(CoreStatus=lambda i: recorded("denied", i))) as port:
            reading = once(port, registration="carrier-a")
        assert reading.state is State.UP
        assert values(reading, "trunk_calls") == {}

    def test_nobody_there(self) -> None:
        reading = once(peers.free_port())
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.REFUSED)


def dahdi(identity: str, *channels: str) -> bytes:
    """As chan_dahdi.c writes it; there is no card here to have recorded it from."""
    start = said(identity, EventList="start", Message="DAHDI channel status will follow")
    bodies = "".join(
        f"Event: DAHDIShowChannels\r\nActionID: {identity}\r\n{one}\r\nDescription: lobby\r\n\r\n" for one in channels
    )
    end = f"Event: DAHDIShowChannelsComplete\r\nActionID: {identity}\r\nEventList: Complete\r\nListItems: 1\r\n\r\n"
    return start + bodies.encode() + end.encode()


class TestLines:
    @pytest.mark.parametrize(
        ("alarm", "state"),
        [
            ("No Alarm", State.UP),
            ("None", State.UP),
            ("Red Alarm", State.DOWN),
            ("Yellow Alarm", State.DOWN),
            ("Blue Alarm", State.DOWN),
            ("Recovering", State.DOWN),
            ("Loopback", State.DOWN),
            ("Not Open", State.DOWN),
            ("Unknown Alarm", State.UNKNOWN),
            ("Mauve Alarm", State.UNKNOWN),
        ],
    )
    def test_every_alarm(self, alarm: str, state: State) -> None:
        told = f"DAHDIChannel: 3\r\nSignalling: FXS Kewlstart\r\nChannel: DAHDI/3-1\r\nAlarm: {alarm}"
        with ami(answering(DAHDIShowChannels=lambda i: dahdi(i, told))) as port:
            reading = once(port, dahdi=3)
        assert reading.state is state, reading
        assert bool(reading.text) == (state is not State.UP)
        assert [*values(reading, "line_in_service").values()] == {State.UP: [1], State.DOWN: [0]}.get(state, [])

    @pytest.mark.parametrize(
        ("channels", "state", "reason"),
        [
            ((), State.DOWN, None),
            (("DAHDIChannel: 4\r\nAlarm: No Alarm",), State.DOWN, None),
            (("DAHDIChannel: 3\r\nAlarm: No Alarm",) * 2, State.UNKNOWN, Reason.PROTOCOL),
            (("DAHDIChannel: 3",), State.UNKNOWN, Reason.DEVICE),
        ],
    )
    def test_another_channel_is_not_this_one(
        self, channels: tuple[str, ...], state: State, reason: Reason | None
    ) -> None:
        with ami(answering(DAHDIShowChannels=lambda i: dahdi(i, *channels))) as port:
            reading = once(port, dahdi=3)
        assert (reading.state, reading.reason) == (state, reason), reading

    def test_an_asterisk_without_dahdi(self) -> None:
        with ami(answering(DAHDIShowChannels=lambda i: recorded("unknown", i))) as port:
            reading = once(port, dahdi=3)
        assert (reading.state, reading.reason) == (State.UNKNOWN, Reason.NOT_OFFERED)
        assert "no DAHDI loaded" in reading.text

    def test_a_line_and_a_registration_must_both_hold(self) -> None:
        red = "DAHDIChannel: 3\r\nAlarm: Red Alarm"
        with ami(answering(DAHDIShowChannels=lambda i: dahdi(i, red))) as port:
            assert once(port, dahdi=3, registration="carrier-a").state is State.DOWN


class TestCalls:
    def test_when_all_calls_are_taken_the_trunk_is_degraded(self) -> None:
        full = answering(CoreStatus=lambda i: said(i, CoreCurrentCalls="10"))
        with ami(full) as port:
            reading = once(port, registration="carrier-a")
            down = once(port, registration="carrier-b")
        assert (reading.state, reading.text) == (State.DEGRADED, "all 10 calls that it admits are under way")
        assert values(reading, "trunk_calls_ratio") == {"": 1}
        assert down.state is State.DOWN

    @pytest.mark.parametrize(("declared", "told", "limit"), [(4, 0, 4), (0, 6, 6), (4, 6, 4), (0, 0, 0)])
    def test_the_limit_of_an_endpoint(self, declared: int, told: int, limit: int) -> None:
        detail = {"Event": "EndpointDetail", "ActiveChannels": "3", "DeviceStateBusyAt": str(told)}
        assert channels([detail], declared) == Calls(3, limit)

    @pytest.mark.parametrize("told", ["", "-1", "٣", "3.5", "9" * 20])
    def test_a_count_that_is_none(self, told: str) -> None:
        assert channels([{"Event": "EndpointDetail", "ActiveChannels": told}], 4) is None


def test_what_a_file_may_not_say_together() -> None:
    given = {"host": "pbx", "user": USER, "password": clear(PASSWORD)}
    assert ASTERISK.check(Asterisk(**given)) is None
    assert "name the endpoint" in (ASTERISK.check(Asterisk(**given, channels=4)) or "")
    assert "write tls: true" in (ASTERISK.check(Asterisk(**given, ca="/ca.pem")) or "")


class TestReader:
    @pytest.mark.parametrize("size", [1, 7, 4096])
    def test_in_pieces_of_any_size(self, size: int) -> None:
        wire = b"Asterisk Call Manager/5.0.2\r\n" + recorded("registrations", "7") + recorded("endpoint-mixed", "8")
        reader = Reader()
        found = [message for at in range(0, len(wire), size) for message in reader.feed(wire[at : at + size])]
        assert [trunk.name for trunk in registrations(found)] == [f"carrier-{letter}" for letter in "abcd"]
        assert [trunk.state for trunk in contacts("mixed", found)] == [State.UP, State.DOWN]
        assert "secret" not in repr(found)

    @given(st.binary(max_size=300))
    def test_any_bytes_are_messages_or_refused(self, wire: bytes) -> None:
        reader = Reader()
        try:
            found = reader.feed(b"Asterisk Call Manager/1.1\r\n" + wire)
        except ProtocolError:
            return
        assert all(isinstance(text, str) for message in found for text in message.values())

    @given(st.lists(st.dictionaries(st.sampled_from(["Event", "ObjectName", "Status", "URI"]), st.text(max_size=9))))
    def test_any_messages_are_trunks_or_refused(self, events: list[dict[str, str]]) -> None:
        for event in events:
            event.setdefault("Event", "OutboundRegistrationDetail")
        try:
            found = registrations(events)
        except ProtocolError:
            return
        assert all(trunk.state is State.UP for trunk in found if trunk.registered)
        contacts("x", events)
