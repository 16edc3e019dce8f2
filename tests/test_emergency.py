"""Nothing that a switch could take for an emergency number gets past; ordinary targets do."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.declared.sip_uri import SipUri, Transport, parse_uri
from probes.emergency import CODES, EmergencyRefused, permitted
from probes.sip import build_options

REFUSED = [
    "911",
    "9911",
    "99911",
    "8911",
    "0911",
    "9-911",
    "+1911",
    "+1-911",
    "1911",
    "91911",
    "+911",
    "0112",
    "9999",
    "0000",
    "9988",
    "+44999",
    "+358112",
    "0044999",
    "0111911",
    "08",
    "933",
    "tel:911",
    "TEL:911",
    "tel:+1-911",
    "tel:911;phone-context=+1",
    "tel:9.9.1.1",
    "callto:112",
    "sip:911",
    "sip:911:5060",
    "sip:911@sbc.carrier.example",
    "SIP:911@sbc.carrier.example",
    "sips:112@192.0.2.1:5061;transport=tls",
    "<sip:911@sbc.carrier.example>",
    '"Lobby" <sip:911@sbc.carrier.example>;tag=1',
    "sip:911;phone-context=example.com@sbc.carrier.example;user=phone",
    "sip:911:secret@sbc.carrier.example",
    "sip:lobby:911@sbc.carrier.example",
    "sip:911@911@sbc.carrier.example",
    "sip:lobby%40911@sbc.carrier.example",
    "sip:tel:911@sbc.carrier.example",
    "sip:sbc.carrier.example?Route=%3Csip:911@x%3E",
    "sip:sbc.carrier.example;maddr=911",
    "sip:%39%31%31@sbc.carrier.example",
    "sip:%2539%2531%2531@sbc.carrier.example",
    "sip:%25252539%2531%31@sbc.carrier.example",
    "9%201%201",
    "\uff19\uff11\uff11@sbc.carrier.example",  # full-width digits
    "\uff05\uff13\uff1911",  # a full-width percent sign
    "sip:%EF%BC%99%EF%BC%91%EF%BC%91@sbc.carrier.example",
    "٩١١",  # Arabic-Indic
    "९११",  # Devanagari
    "⑨①①",
    "⁹¹¹",
    "9️⃣1️⃣1️⃣",
    "𝟗𝟏𝟏",
    "9\u200b1\u200b1",
    "sip:9%E2%80%8B11@x",
    "sip:%3\u200b911@x",
    "9 1 1",
    "9.1.1",
    "(9)1-1",
    "9/1/1",
    "9_1_1",
    "9\u20131\u20131",
    "911#",
    "*911",
    "911*",
    "*67911",
    "*67 9 911",
    "911,,1",
    "911p5",
    "911w",
    " 911 ",
    "911\r\n",
    "urn:service:sos",
    "URN:SERVICE:SOS",
    "urn:service:sos.police",
    "urn:service:test.sos",
    "urn:service:counseling.suicide",
    "urn%3Aservice%3Asos",
    "sip:urn%3Aservice%3Asos@sbc.carrier.example",
    "<urn:service:sos.fire>",
    "urn:nena:service:sos",
    "urn:emergency:service:responder.police",
    "sip:sos@sbc.carrier.example",
    "sip:sos.fire@sbc.carrier.example",
    "%" + "25" * 40 + "39",
]

ORDINARY = [
    "sip:sbc.carrier.example",
    "sips:sbc.carrier.example:5061",
    "sip:sbc.carrier.example:9911",
    "sip:sbc.carrier.example:911;transport=tls",
    "sip:192.0.2.1",
    "sip:9.9.1.1",
    "sip:1.1.2.0:5060",
    "sip:112.112.112.112",
    "sip:[2001:db8::911]:5060",
    "sip:911.carrier.example",
    "sip:e911.carrier.example",
    "sip:sos.carrier.example",
    "sip:9115551234@sbc.carrier.example",
    "9115551234",
    "+19115551234",
    "+1 (303) 555-0911",
    "tel:+13035550112",
    "sip:+442079460999@sbc.carrier.example",
    "sip:3035550911@sbc.carrier.example",
    "sip:5551911@sbc.carrier.example",
    "sip:4112@pbx.example",
    "sip:2911@pbx.example",
    "sip:200@pbx.example",
    "sip:site911@pbx.example",
    "sip:ping@pbx.example",
    "sip:112west@pbx.example",
    "*72",
    "sip:trunk-000-a@pbx.example",
]


@pytest.mark.parametrize("destination", REFUSED)
def test_refused(destination: str) -> None:
    with pytest.raises(EmergencyRefused):
        permitted(destination)


@pytest.mark.parametrize("destination", ORDINARY)
def test_ordinary_targets_pass_unchanged(destination: str) -> None:
    assert permitted(destination) == destination


DISGUISES = st.sampled_from(
    [
        str,
        lambda digit: f"%{ord(digit):02X}",
        lambda digit: f"%25{ord(digit):02X}",
        lambda digit: chr(0xFF10 + int(digit)),
        lambda digit: chr(0x0660 + int(digit)),
        lambda digit: chr(0x1D7CE + int(digit)),
    ]
)
SEPARATORS = st.sampled_from(["", "-", ".", " ", "(", ")", "/", "\u200b", "\u00a0", "%20", "%2D"])
FRAMES = st.sampled_from(
    ["{}", "tel:{}", "sip:{}@sbc.example", "sips:{}@[2001:db8::1]:5061;transport=tls", "<sip:{}@x>"]
)


@given(
    st.sampled_from(sorted(CODES)),
    st.sampled_from(["", "9", "8", "0", "99", "90"]),
    FRAMES,
    st.lists(DISGUISES, min_size=5, max_size=5),
    st.lists(SEPARATORS, min_size=5, max_size=5),
)
def test_no_disguise_hides_an_emergency_number(code, prefix, frame, disguises, separators) -> None:
    digits = zip(prefix + code, disguises, separators, strict=False)
    number = "".join(disguise(digit) + separator for digit, disguise, separator in digits)
    with pytest.raises(EmergencyRefused):
        permitted(frame.format(number))


@given(st.from_regex(r"[2-7]\d{6,9}", fullmatch=True))
def test_subscriber_numbers_pass(number: str) -> None:
    assert permitted(f"sip:{number}@sbc.example")
    assert permitted(f"+1{number}")


@given(st.text())
def test_any_text_is_permitted_or_refused(text: str) -> None:
    with suppress(EmergencyRefused):
        assert permitted(text) == text


def test_every_code_says_who_answers_it() -> None:
    with pytest.raises(EmergencyRefused, match=r"911 .North America.*name a host without a user"):
        permitted("sip:9911@sbc.carrier.example")


def test_neither_a_site_file_nor_a_request_gets_past() -> None:
    with pytest.raises(ValueError, match="emergency number 911"):
        parse_uri("sip:911@sbc.carrier.example")
    with pytest.raises(EmergencyRefused):
        build_options(SipUri("sip", "sbc.carrier.example", user="%3911"), Transport.UDP, "192.0.2.1", 5060)
    with pytest.raises(EmergencyRefused):
        build_options(SipUri("sip", "911"), Transport.UDP, "192.0.2.1", 5060)
