"""No spelling of an address leads into our own network."""

import ipaddress
import socket
import threading
from typing import Any

import pytest

from broker.config import Settings
from broker.domain.delivery import TemporaryFailure
from broker.domain.http_delivery import HttpDelivery
from broker.domain.web_addresses import is_public, parse, resolve
from broker.errors import InvalidError
from tests.domain.call_rows import outgoing

REFUSED = (
    "ftp://crm.example/", "file:///etc/passwd", "gopher://crm.example/", "javascript:alert(1)", "//crm.example/",
    "crm.example", "http:///", "http://", "https://crm.example/#part", "https://user@crm.example/",
    "https://user:pass@crm.example/", "http://crm.example@127.0.0.1/", "http://127.0.0.1\\@crm.example/",
    "https://crm.example:0/", "https://crm.example:99999/", "https://crm.example:/", "https://crm.example:x/",
    "http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://017700000001/", "http://0177.0.0.1/",
    "http://127.1/", "http://127.0.1/", "http://0/", "http://127.0.0.1./", "http://[::1", "http://[fe80::1%25eth0]/",
    "http://[crm.example]/", "http://crm..example/", "http://crm.example/a b", "http://crm.example/\r\nHost: x",
    "http://①②⑦.⓪.⓪.①/", "http://crm。example/", "http://-crm.example/", "http://crm.example/\0", "http://%6cocalhost/",
)  # fmt: skip
NOT_PUBLIC = (
    "http://127.0.0.1/", "http://127.8.8.8/", "http://0.0.0.0/", "http://10.0.0.1/", "http://172.16.0.1/",
    "http://192.168.1.1/", "http://169.254.169.254/latest/meta-data/", "http://100.64.0.1/", "http://192.0.2.1/",
    "http://198.18.0.1/", "http://224.0.0.1/", "http://240.0.0.1/", "http://255.255.255.255/", "http://[::1]/",
    "http://[::]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/", "http://[64:ff9b:1::a00:1]/", "http://[fe80::1]/", "http://[fc00::1]/",
    "http://[fd12:3456::1]/", "http://[ff02::1]/", "http://[2001:db8::1]/", "http://[2002:7f00:1::]/",
    "http://[2001:0:7f00:1::]/", "http://localhost/", "http://localhost./", "http://LOCALHOST:8000/",
)  # fmt: skip


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Where a connection was tried; none is made."""
    tried: list[Any] = []

    def refuse(address: Any, *_: Any, **__: Any) -> socket.socket:
        tried.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refuse)
    return tried


@pytest.mark.parametrize("url", REFUSED)
def test_what_can_be_read_in_two_ways_is_no_address(url: str, connections: list[Any], tmp_path: Any) -> None:
    with pytest.raises(InvalidError):
        parse(url)
    with pytest.raises(TemporaryFailure):
        HttpDelivery(Settings(home=tmp_path)).send(outgoing(url))
    assert connections == []


@pytest.mark.parametrize("url", NOT_PUBLIC)
def test_nothing_that_is_not_public_is_called(url: str, connections: list[Any], tmp_path: Any) -> None:
    with pytest.raises(TemporaryFailure, match=r"not one of the public Internet|name was not found"):
        HttpDelivery(Settings(home=tmp_path)).send(outgoing(url))
    assert connections == []


def test_a_name_with_one_private_address_among_its_own_is_not_called(
    connections: list[Any], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [(2, 1, 6, "", ("93.184.215.14", 80)), (2, 1, 6, "", ("10.0.0.7", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(TemporaryFailure, match="not one of the public Internet"):
        HttpDelivery(Settings(home=tmp_path)).send(outgoing("http://crm.example/"))
    assert connections == []


def test_the_connection_goes_to_the_address_that_was_checked(
    connections: list[Any], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that stands for something else a moment later does not help."""
    answers = iter(["93.184.215.14", "127.0.0.1"])
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", (next(answers), 80))])
    with pytest.raises(TemporaryFailure, match="nobody listens there"):
        HttpDelivery(Settings(home=tmp_path)).send(outgoing("http://crm.example:8080/"))
    assert connections == [("93.184.215.14", 8080)]


@pytest.mark.parametrize("text", ["93.184.215.14", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_are_public_also_where_one_holds_another(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


def test_an_address_has_its_parts() -> None:
    found = parse("https://CRM.example:8443/hooks?a=b")
    assert (found.scheme, found.host, found.port, found.target) == ("https", "crm.example", 8443, "/hooks?a=b")
    assert (parse("http://[2606:4700::1111]").host, parse("http://crm.example").port) == ("2606:4700::1111", 80)


def test_a_look_up_that_takes_too_long_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    held = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: held.wait(30) and [])
    with pytest.raises(TimeoutError):
        resolve("crm.example", 80, 0.05)
    held.set()
