"""The guard: only public addresses by https, checked once and then held to; nothing takes longer than it may."""

from __future__ import annotations

import time

import pytest
from office import Office, alert, webhook
from receivers import web_receiver

from core import ChannelConfig
from notify.guard import Blocked, Guard, is_public

pytestmark = pytest.mark.pure

INSIDE = [
    "127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
    "240.0.0.1", "255.255.255.255", "192.0.0.8", "192.88.99.1", "192.0.2.1", "198.18.0.1",
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:7f00:1::1", "fe80::1", "fe80::1%eth0", "fec0::1",
    "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "4000::1", "not an address",
]  # fmt: skip
OUTSIDE = ["8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::808:808", "2606:4700::1111", "2404:6800:4009::200e"]


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_that_is_not_of_a_host_on_the_internet_is_refused(address):
    assert not is_public(address)
    with pytest.raises(Blocked, match="not public"):
        Guard(resolve=lambda *_: ["8.8.8.8", address]).addresses("evil.example", 443, 1)  # one bad one is enough


@pytest.mark.parametrize("address", OUTSIDE)
def test_a_public_address_is_let_through(address):
    assert Guard(resolve=lambda *_: [address]).addresses("good.example", 443, 1) == [address]


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "[::1]"])
def test_other_spellings_of_this_machine_are_resolved_before_they_are_judged(host):
    target = Guard().target(f"https://{host}/")
    with pytest.raises(Blocked, match="not public"):
        Guard().addresses(target.host, target.port, 5)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/x", "ftp://hooks.example/", "file:///etc/passwd", "https://", "https:///x",
        "hooks.example", "https://user:pw@hooks.example/", "https://hooks.example:99999/", "https://a b.example/", "https://[::1/",
        "https://①②⑦.⓪.⓪.①/", "https://hooks.example/\r\nHost: x", "",
    ],
)  # fmt: skip
def test_an_address_of_another_form_is_refused_and_not_repeated(url):
    with pytest.raises(Blocked) as caught:
        Guard().target(url)
    assert "pw" not in str(caught.value)


def test_a_listed_host_is_reached_inside_and_without_tls_at_its_port_only():
    guard = Guard(frozenset({"127.0.0.1:8025", "relay"}), resolve=lambda *_: ["10.0.0.1"])
    assert guard.target("http://127.0.0.1:8025/x").port == 8025
    assert guard.addresses("relay", 25, 1) == ["10.0.0.1"]
    with pytest.raises(Blocked):
        guard.target("http://127.0.0.1:8026/x")


def test_a_name_server_that_does_not_answer_costs_no_more_than_its_seconds():
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        Guard(resolve=lambda *_: time.sleep(3) or []).addresses("slow.example", 443, 0.2)  # type: ignore[func-returns-value]
    assert time.monotonic() - began < 1


class Rebinding:
    """A name server that gives a public address first and this machine afterwards, or the other way round."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked += 1
        return [self.answers[min(self.asked, len(self.answers)) - 1]]


def test_a_name_that_has_turned_to_this_machine_is_refused_and_a_dead_letter(storage, web):
    names = Rebinding("127.0.0.1")
    office = Office(storage, names)
    office.channels = [
        ChannelConfig(
            name="hook", kind="webhook", url=f"https://rebind.example:{web.port}/", secrets=({"env": "HOOK_SECRET"},)
        )
    ]
    office.post(alert())
    done = office.deliver()
    assert (done.dead, names.asked) == (1, 1)
    assert "not public" in office.entries()[0].last_error
    assert web.requests == []


def test_the_connection_goes_to_the_address_that_was_checked(ca, storage):
    """The first answer is a server that we may reach, the second one where we must not go."""
    names = Rebinding("127.0.0.1", "127.0.0.2")
    with web_receiver(ca.server("pinned.example")) as web:
        office = Office(storage, names)
        config = webhook(web).model_dump() | {
            "url": f"https://pinned.example:{web.port}/hook", "allow_hosts": ["pinned.example"], "ca_file": ca.ca_file,
        }  # fmt: skip
        office.channels = [ChannelConfig(**config)]
        office.post(alert())
        assert office.deliver().sent == 1
        assert names.asked == 1
        assert web.requests[0][1]["host"] == f"pinned.example:{web.port}"


@pytest.mark.parametrize("name", ["other.example", "127.0.0.1"])
def test_a_certificate_of_another_name_is_not_accepted_though_the_address_is_right(ca, storage, name):
    with web_receiver(ca.server(name)) as web:
        office = Office(storage, lambda *_: ["127.0.0.1"])
        config = webhook(web).model_dump() | {
            "url": f"https://pinned.example:{web.port}/hook", "allow_hosts": ["pinned.example"], "ca_file": ca.ca_file,
        }  # fmt: skip
        office.channels = [ChannelConfig(**config)]
        office.post(alert())
        assert office.deliver().failed == 1
        assert "certificate" in office.entries()[0].last_error
        assert web.requests == []


def test_a_certificate_that_nobody_vouches_for_is_not_accepted(ca, storage):
    with web_receiver(ca.server("127.0.0.1")) as web:
        office = Office(storage)
        office.channels = [ChannelConfig(**webhook(web).model_dump() | {"url": f"https://{web.host}/hook"})]
        office.post(alert())
        assert office.deliver().failed == 1
        assert web.requests == []
