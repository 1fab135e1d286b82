"""TLS to the checked address still names and verifies the host that was asked for."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from chains_app.providers import connections, own
from chains_app.providers.base import ProviderError
from chains_app.providers.requests import HttpRequest
from tests.chains_app.doors import exchanged
from tests.chains_app.peer import peer_running

HOST = "shop.example.com"


def certificate(folder: Path) -> Path:
    """A self-signed certificate for HOST with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "shop.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def pem(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Every name leads to this machine, which is allowed, and the test's certificate is trusted."""
    path = certificate(tmp_path)
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, port, *a, **k: real("127.0.0.1", port, *a, **k))
    trusting = ssl.create_default_context(cafile=str(path))
    monkeypatch.setattr(connections.httpx, "create_ssl_context", lambda: trusting)
    own.renew()
    yield path
    own.renew()


def test_the_host_is_named_and_its_certificate_verified(pem: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    named: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: named.append(name)
    with peer_running(context) as peer:
        answer = exchanged(HttpRequest("POST", f"https://{HOST}:{peer.port}/x", content=b"1"), 5)
        assert answer.body == {"ok": True}
        with pytest.raises(ProviderError) as caught:
            exchanged(HttpRequest("POST", f"https://other.example.com:{peer.port}/x", content=b"1"), 5)
    assert named == [HOST, "other.example.com"]
    assert (caught.value.code, caught.value.unknown) == ("CONNECTION", False)
    assert len(peer.said) == 1
