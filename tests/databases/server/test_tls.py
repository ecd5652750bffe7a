"""The way to a server, encrypted as the operations file asks for it: by the bot, and by the programs on a host."""

import datetime
import ipaddress
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from bot.databases.server.connector import Connector
from bot.demo.host.database import DatabaseServer, DemoDatabase
from bot.domain.errors import Reason, RefusedError
from bot.domain.targets.target import Target
from bot.domain.targets.tls import Tls, TlsMode
from bot.engine.ports import Done, Failed
from tests.databases.support.local import KeptOutput, LocalHost
from tests.databases.support.steps import job_of, performer
from tests.support.vendors import PROGRAMS

_CIPHER = "SHOW SESSION STATUS LIKE 'Ssl_cipher'"
TOLD = ("denied", "insecure transport")
"""What the server says to a connection in the clear; older ones of MariaDB do not say why."""

OFF = {"MariaDB": "--skip-ssl", "MySQL": "--tls-version="}


def certificates(folder: Path, address: str) -> str:
    """Make an authority, and a server's key and certificate for an address; give the authority's certificate."""

    def made(name: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=name == issuer, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address)), x509.DNSName("db1")]),
                critical=False,
            )
            .sign(signer, hashes.SHA256())
            .public_bytes(Encoding.PEM)
        )

    authority, server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = made("authority", authority, "authority", authority)
    (folder / "ca.pem").write_bytes(ca)
    (folder / "cert.pem").write_bytes(made("server", server, "authority", authority))
    private = server.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    (folder / "key.pem").write_bytes(private)
    (folder / "key.pem").chmod(0o600)
    return ca.decode()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def secure_server(servers_folder: Path) -> AsyncIterator[tuple[DatabaseServer, str]]:
    """A server that takes no connection without TLS, and the certificate of its authority."""
    folder = servers_folder / "secure"
    folder.mkdir()
    ca = certificates(folder, "127.0.0.1")
    options = [f"--ssl-{name}={folder / name}.pem" for name in ("ca", "cert", "key")]
    async with DatabaseServer(folder, (*options, "--require-secure-transport=ON")) as server:
        yield server, ca


@pytest.fixture
async def secure(secure_server: tuple[DatabaseServer, str]) -> AsyncIterator[DemoDatabase]:
    server, _ = secure_server
    made = await server.create("secure")
    yield made
    await server.drop(made)


async def _cipher(connections: Connector, target: Target) -> str:
    async with connections.reading(target) as session:
        [(_, cipher)] = await session.rows(_CIPHER)
    return str(cipher)


@pytest.mark.parametrize(
    ("mode", "with_ca", "works"),
    [
        (TlsMode.PREFERRED, False, True),
        (TlsMode.REQUIRED, False, True),
        (TlsMode.VERIFY, True, True),
        (TlsMode.VERIFY, False, False),
        (TlsMode.OFF, False, False),
    ],
)
async def test_a_server_that_takes_nothing_in_the_clear(
    mode: TlsMode,
    with_ca: bool,
    works: bool,
    secure: DemoDatabase,
    secure_server: tuple[DatabaseServer, str],
    target_of: Callable[..., Target],
    connections: Connector,
    host: LocalHost,
) -> None:
    tls = Tls(mode, secure_server[1] if with_ca else None)
    target = target_of(secure, tls=tls)
    if works:
        assert await _cipher(connections, target)
    else:
        with pytest.raises(RefusedError):
            await _cipher(connections, target)
    output = KeptOutput()
    outcome = await performer(host).perform(job_of(target), output)
    if mode is TlsMode.VERIFY and not with_ca and isinstance(outcome, Done):
        # From 11.4 on MariaDB's programs also know a server by the password that both have.
        assert "MariaDB" in outcome.facts["server"]
        return
    assert isinstance(outcome, Done if works else Failed), output.text.decode()


async def test_the_certificate_must_be_for_the_servers_address_also_behind_a_tunnel(
    secure: DemoDatabase,
    secure_server: tuple[DatabaseServer, str],
    target_of: Callable[..., Target],
    connections: Connector,
) -> None:
    target = target_of(secure, tls=Tls(TlsMode.VERIFY, secure_server[1]))
    assert target.database is not None
    other = replace(target, database=replace(target.database, host="localhost"))
    with pytest.raises(RefusedError) as caught:
        await _cipher(connections, other)
    assert "certificate" in caught.value.problem.facts["detail"].lower()


async def test_what_the_server_says_to_a_connection_in_the_clear_is_told(
    secure: DemoDatabase, target_of: Callable[..., Target], connections: Connector
) -> None:
    with pytest.raises(RefusedError) as caught:
        await _cipher(connections, target_of(secure, tls=Tls(TlsMode.OFF)))
    assert caught.value.problem.reason is Reason.DATABASE_LOGIN_REFUSED
    assert any(words in caught.value.problem.facts["detail"] for words in TOLD)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def plain_server(servers_folder: Path) -> AsyncIterator[DatabaseServer]:
    """A server that offers no TLS."""
    folder = servers_folder / "plain"
    folder.mkdir()
    async with DatabaseServer(folder, (OFF[PROGRAMS.vendor],)) as server:
        yield server


@pytest.mark.parametrize(
    ("mode", "works"),
    [(TlsMode.PREFERRED, True), (TlsMode.OFF, True), (TlsMode.REQUIRED, False), (TlsMode.VERIFY, False)],
)
async def test_a_server_without_tls(
    mode: TlsMode,
    works: bool,
    plain_server: DatabaseServer,
    target_of: Callable[..., Target],
    connections: Connector,
    host: LocalHost,
) -> None:
    made = await plain_server.create("plain")
    target = target_of(made, tls=Tls(mode))
    try:
        if works:
            assert await _cipher(connections, target) == ""
        else:
            with pytest.raises(RefusedError):
                await _cipher(connections, target)
        outcome = await performer(host).perform(job_of(target), KeptOutput())
        assert isinstance(outcome, Done if works else Failed), outcome
    finally:
        await plain_server.drop(made)
