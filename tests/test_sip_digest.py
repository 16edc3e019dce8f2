"""Digest credentials: the examples of RFC 7616 and RFC 2617, what they leave out, and any bytes as a challenge."""

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.sip import ProtocolError
from probes.sip_digest import Account, Challenge, challenges, credentials, strongest

MUFASA = Account("Mufasa", "Circle of Life")


def proof(said: str) -> str:
    found = re.search(r'response="([0-9a-f]+)"', said)
    assert found
    return found[1]


def test_the_examples_of_rfc_7616() -> None:
    rest = 'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    offered = challenges(
        [
            f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, {rest}',
            f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, {rest}',
        ]
    )
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    strong, weak = (credentials(one, MUFASA, "GET", "/dir/index.html", cnonce) for one in offered)
    assert proof(strong) == "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
    assert proof(weak) == "8ca523f5e9506fed4657c9700eebdbec"
    assert strongest(offered) == offered[0]
    assert strongest(reversed(offered)) == offered[0]
    assert "qop=auth, nc=00000001" in weak
    assert weak.endswith('opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"')


def test_the_example_of_rfc_2617_and_a_challenge_without_qop() -> None:
    nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093"
    offered = challenges([f'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="{nonce}", opaque="5c"'])
    said = credentials(offered[0], Account("Mufasa", "Circle Of Life"), "GET", "/dir/index.html", "0a4f113b")
    assert proof(said) == "6629fae49393a05397450978507c4ef1"
    (old,) = challenges(['Digest realm="biloxi.com", nonce="dcd9", algorithm=MD5'])
    said = credentials(old, Account("bob", "zanzibar"), "REGISTER", "sip:biloxi.com", "x")

    def h(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    assert proof(said) == h(f"{h('bob:biloxi.com:zanzibar')}:dcd9:{h('REGISTER:sip:biloxi.com')}")
    assert "cnonce" not in said
    assert "nc=" not in said


def test_auth_int_and_session_algorithms() -> None:
    challenge = Challenge("r", "n", "SHA-256-sess", ("auth-int",))
    said = credentials(challenge, Account("u", "p"), "REGISTER", "sip:r", "c")

    def h(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    asked = h(f"REGISTER:sip:r:{h('')}")
    assert proof(said) == h(f"{h(h('u:r:p') + ':n:c')}:n:00000001:c:auth-int:{asked}")
    assert "algorithm=SHA-256-sess" in said
    assert "qop=auth-int" in said


@pytest.mark.parametrize(
    ("algorithm", "qop", "strength"),
    [
        ("MD5", (), 1),
        ("md5-sess", ("auth",), 1),
        ("SHA-256", ("auth",), 2),
        ("SHA-512-256", ("auth-int",), 3),
        ("MD4", (), 0),
        ("", (), 0),
        ("SHA-256", ("auth-conf",), 0),
    ],
)
def test_strength(algorithm: str, qop: tuple[str, ...], strength: int) -> None:
    challenge = Challenge("r", "n", algorithm, qop)
    assert challenge.strength == strength
    assert strongest([challenge]) == (challenge if strength else None)


def test_a_comma_in_a_realm_and_an_escaped_quote() -> None:
    (one,) = challenges([r'Digest realm="a, b \" c", nonce = "n" , qop = auth,stale=true'])
    assert one == Challenge(r"a, b \" c", "n", "MD5", ("auth",), None, stale=True)


def test_a_password_of_any_bytes() -> None:
    broken = b"caf\xe9".decode("utf-8", "surrogateescape")
    assert proof(credentials(Challenge("r", "n"), Account("u", broken), "REGISTER", "sip:r", "c"))
    assert broken not in repr(Account("u", broken))


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=120), max_size=4))
def test_any_text_is_challenges_or_refused(values: list[str]) -> None:
    try:
        found = challenges(values)
    except ProtocolError:
        return
    chosen = strongest(found)
    if chosen:
        assert "\r" not in credentials(chosen, MUFASA, "REGISTER", "sip:x", "c")


@given(st.text('Digestramno="\\, ', max_size=200))
def test_what_looks_like_one_as_well(text: str) -> None:
    try:
        challenges([f"Digest {text}"])
    except ProtocolError:
        return
