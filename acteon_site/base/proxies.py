"""Whose request it is behind proxies: X-Forwarded-For counts as far as those who wrote it are trusted.

Each proxy adds at the right end whom it heard from. What stands further left than the entries of trusted proxies
anybody may have written, so the list is read from the right.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
HOW = (
    "ACTEON_TRUSTED_PROXIES must be how many proxies stand in front (like 1), or their addresses and networks "
    "(like 10.0.0.5,172.18.0.0/16)"
)
MOST_HOPS = 10


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """Either so many in front of every request, or those with these addresses; nobody where both are empty."""

    hops: int = 0
    networks: tuple[Network, ...] = ()

    def include(self, peer: str) -> bool:
        address = address_of(peer)
        return self.hops > 0 or (address is not None and self._trust(address))

    def client(self, peer: str, forwarded_for: str) -> str:
        """The address that the outermost trusted proxy heard from; the peer's own where no proxy is trusted."""
        entries = forwarded_for.split(",")
        if not self.hops:
            return self._first_stranger(peer, entries)
        # Fewer entries than proxies: it came around one of them, and nothing in it was written by who should have.
        address = address_of(entries[-self.hops]) if len(entries) >= self.hops else None
        return str(address or address_of(peer) or peer)

    def _first_stranger(self, peer: str, entries: list[str]) -> str:
        client = address_of(peer)
        for entry in reversed(entries):
            address = address_of(entry)
            if client is None or address is None or not self._trust(client):
                break
            client = address
        return str(client or peer)

    def _trust(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


def trusted_proxies(text: str) -> TrustedProxies:
    """The setting as it is written. Raises ValueError, which says how to write it."""
    parts = [part for part in (part.strip() for part in text.split(",")) if part]
    if len(parts) == 1 and parts[0].isascii() and parts[0].isdigit():
        if int(parts[0]) > MOST_HOPS:
            raise ValueError(f"{HOW}; {parts[0]} are too many")
        return TrustedProxies(hops=int(parts[0]))
    return TrustedProxies(networks=tuple(_network(part) for part in parts))


def _network(text: str) -> Network:
    try:
        network = ip_network(text)
    except ValueError as error:
        raise ValueError(f"{HOW}; {error}") from None
    if not network.prefixlen:
        raise ValueError(f"{HOW}; {text} would trust every client, too: say how many proxies there are")
    return network


def address_of(text: str) -> Address | None:
    """An address as proxies write it: with a port or brackets, and an IPv4 one perhaps in IPv6's clothes."""
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
