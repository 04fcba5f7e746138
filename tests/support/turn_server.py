"""Debian's coturn inside a namespace: TURN over TCP and TLS, with a shared secret."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.namespaces import Namespace

SECRET = "a secret that only the relay and coturn know"
TCP_PORT, TLS_PORT = 3478, 5349
START_WITHIN_S = 20.0


@contextlib.contextmanager
def coturn(inside: Namespace, folder: Path) -> Iterator[None]:
    """Run coturn; it is ready when it takes connections."""
    program = shutil.which("turnserver")
    assert program, "no coturn: run scripts/install_test_tools.sh"
    certificate, key = _certificate(folder)
    log = folder / "coturn.log"
    with log.open("wb") as told:
        process = subprocess.Popen(
            ["ip", "netns", "exec", inside.name, program, "-n", "--no-cli", "--no-udp", "--no-dtls",
             f"--listening-ip={inside.there}", f"--relay-ip={inside.there}", f"--listening-port={TCP_PORT}",
             f"--tls-listening-port={TLS_PORT}", f"--cert={certificate}", f"--pkey={key}",
             "--realm=relay.test", "--use-auth-secret", f"--static-auth-secret={SECRET}",
             "--log-file=stdout", "--simple-log",
             f"--pidfile={folder / 'coturn.pid'}", f"--userdb={folder / 'turndb'}"],
            stdout=told, stderr=told,
        )  # fmt: skip
    try:
        _await_port(inside.there, process, log)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _await_port(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_WITHIN_S
    while True:
        with contextlib.suppress(OSError), socket.create_connection((address, TLS_PORT), 1):
            return
        assert process.poll() is None and time.monotonic() < end, log.read_text("utf-8", "replace")[-2000:]
        time.sleep(0.05)


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    files = folder / "turn.pem", folder / "turn.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return files
