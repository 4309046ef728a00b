"""Addresses others gave us to call: only of the public Internet, so that nobody reaches our own network through us."""

import ipaddress
import re
import socket
import threading
from dataclasses import dataclass
from urllib.parse import urlsplit

from broker.errors import InvalidError

LONGEST = 2000
PORTS = {"http": 80, "https": 443}
NAME = re.compile(
    r"(?=.{1,253}\.?$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.?"
)
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
VISIBLE = re.compile(r"[\x21-\x7e]+")
NAT64 = ipaddress.ip_network("64:ff9b::/96")
UNICAST = ipaddress.ip_network("2000::/3")
TUNNELS = [ipaddress.ip_network(text) for text in ("2001::/23", "2002::/16", "3fff::/20")]
"""Of what IANA gave out for unicast: addresses that hold others (Teredo, 6to4), or are for protocols and books."""
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class WebAddress:
    """The parts of an http(s) address."""

    scheme: str
    host: str
    port: int
    target: str
    """Path and query, as a request names them."""


def parse(url: str) -> WebAddress:
    """The parts of a web address; InvalidError where it is none that could be called from the public Internet.

    Spellings that programs read differently (a user before the host, numbers that are not four) are refused."""
    if not 0 < len(url) <= LONGEST or not VISIBLE.fullmatch(url) or "\\" in url:
        raise InvalidError(f"Address: expected https://… of at most {LONGEST} plain characters.")
    try:
        parts = urlsplit(url)
        port, host = parts.port, (parts.hostname or "").lower()
    except ValueError:
        raise InvalidError("Address: this is no web address.") from None
    if parts.scheme not in PORTS or not host:
        raise InvalidError("Address: expected https://host/… or http://host/….")
    if "@" in parts.netloc or parts.fragment or port == 0 or parts.netloc.endswith(":"):
        raise InvalidError("Address: expected no user, no password and no part after #.")
    _check_host(host, is_bracketed="[" in parts.netloc)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return WebAddress(parts.scheme, host, port or PORTS[parts.scheme], target)


def _check_host(host: str, *, is_bracketed: bool) -> None:
    try:
        ip = ipaddress.IPv6Address(host) if is_bracketed else ipaddress.IPv4Address(host)
        valid = getattr(ip, "scope_id", None) is None
    except ValueError:
        last = host.rstrip(".").rpartition(".")[2]
        valid = not is_bracketed and NAME.fullmatch(host) is not None and NUMBER.fullmatch(last) is None
    if not valid:
        raise InvalidError("Address: expected a host by its name, in plain letters, or by its IP address.")


def is_public(address: Address) -> bool:
    """Whether an IP address is one of the public Internet, also where it holds another one."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not (address.is_multicast or address.is_reserved)
    if address in NAT64:
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    return address in UNICAST and address.is_global and not any(address in tunnel for tunnel in TUNNELS)


def resolve(host: str, port: int, seconds: float) -> list[Address]:
    """The IP addresses of a host, in the order to be tried. OSError where there are none, or not in time."""
    found: list[Address] = []
    failed: list[OSError] = []

    def look_up() -> None:
        try:
            for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                found.append(ipaddress.ip_address(str(address[0])))
        except (OSError, ValueError) as error:
            failed.append(error if isinstance(error, OSError) else OSError(str(error)))

    # The system's look-up knows no time limit, so it is left behind where it takes too long.
    thread = threading.Thread(target=look_up, name="look-up of a host", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError("its name was not found in time")
    if failed or not found:
        raise OSError("its name was not found")
    return found
