"""Where HTTP may go: nowhere inside.

Private, loopback, link-local, metadata, multicast and reserved addresses are refused, however a host spells
them, unless OUTBOUND_ALLOW lists the host, the host and port, or the network.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from django.conf import settings

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Python 3.11 takes these for global: protocol assignments (a cloud's metadata among them), 6to4 relays, and
# every IPv6 address outside what has been given out.
NOT_PUBLIC = (ipaddress.ip_network("192.0.0.0/24"), ipaddress.ip_network("192.88.99.0/24"))
GIVEN_OUT = ipaddress.ip_network("2000::/3")


class RefusedAddress(Exception):
    """The host leads to an address that may not be called."""


def check_addresses(host: str, port: int, addresses: Iterable[str]) -> None:
    """Raises RefusedAddress where one of the host's addresses may not be called: it refuses them all."""
    for text in addresses:
        address = ipaddress.ip_address(text.partition("%")[0])
        if not (is_public(address) or is_allowed(host, port, address)):
            raise RefusedAddress("the host leads to an address that is not on the public internet")


def is_public(address: IPAddress) -> bool:
    """Whether an address is somebody else's on the open internet, addresses wrapped inside it included."""
    inner = _embedded(address)
    if inner is not None:
        return is_public(inner)
    if isinstance(address, ipaddress.IPv6Address) and address not in GIVEN_OUT:
        return False
    if any(address in network for network in NOT_PUBLIC):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_loopback)


def _embedded(address: IPAddress) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address carries: mapped, 6to4, Teredo, NAT64, IPv4-compatible."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    teredo = address.teredo
    if address.ipv4_mapped or address.sixtofour or teredo:
        return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)
    if address in NAT64 or 1 < int(address) < 2**32:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def is_allowed(host: str, port: int, address: IPAddress) -> bool:
    """Whether OUTBOUND_ALLOW lets this host or address through."""
    names = {host.lower(), f"{host.lower()}:{port}", f"[{host.lower()}]:{port}"}
    return any(entry.lower() in names or _in_network(address, entry) for entry in settings.OUTBOUND_ALLOW)


def _in_network(address: IPAddress, entry: str) -> bool:
    try:
        return address in ipaddress.ip_network(entry)
    except ValueError:
        return False
