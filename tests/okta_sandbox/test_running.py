"""The program, the state file, TLS, and many clients at once."""

import signal
import socket
import ssl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from okta_sandbox import Sandbox
from tests.okta_sandbox.party import Party, read_query


def start(*arguments: str) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen([sys.executable, "-m", "okta_sandbox", "--port", "0", *arguments],
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    return process, line.split()[2]


def test_the_program_stops_at_ctrl_c() -> None:
    process, url = start()
    with process:
        assert requests.get(f"{url}/.well-known/okta-organization", timeout=5).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 0


def test_the_program_keeps_its_org_in_the_state_file(tmp_path: Path) -> None:
    state = tmp_path / "deep" / "state.json"
    process, url = start("--state", str(state), "--portal", "http://localhost:5999", "--token", "t")
    with process:
        apps = requests.get(f"{url}/api/v1/apps", headers={"Authorization": "SSWS t"}, timeout=5).json()
        process.terminate()
        assert process.wait(5) == 0
    assert apps[0]["settings"]["oauthClient"]["redirect_uris"] == ["http://localhost:5999/login/callback"]
    assert [app.client_id for app in Sandbox(state=state).apps.values()] == [app["id"] for app in apps]
    assert state.stat().st_mode & 0o777 == 0o600


def test_a_restart_keeps_sessions_tokens_and_keys(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    sandbox = Sandbox(state=state)
    with sandbox.serve() as server:
        party = Party(sandbox, server)
        tokens = party.log_in()
        sandbox.settings.classic_engine = True
        kid = sandbox.keys().active.kid
        sandbox.save()
    again = Sandbox(state=state, keys="other")
    assert again.keys().active.kid == kid
    assert again.settings.classic_engine is True
    assert len(again.sessions) == 1
    with again.serve(port=server.port) as server:
        party.sandbox = again
        refreshed = party.refresh(tokens["refresh_token"])
        assert refreshed.status_code == 200
        assert party.userinfo(tokens["access_token"]).status_code == 200
        assert party.authorize(prompt="none").headers["Location"].find("code=") > 0
        party.close()


def test_changes_reach_the_file_by_themselves(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    sandbox = Sandbox(state=state)
    sandbox.save()
    with sandbox.serve() as server:
        requests.post(f"{server.url}/sandbox/people", timeout=5,
                      data={"email": "ben@acme.example", "action": "deactivate"})
        for _ in range(100):
            if not Sandbox(state=state).person("ben@acme.example").active:
                break
            time.sleep(0.02)
        else:
            pytest.fail("the change was not written")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for localhost, with its key in the same file."""
    key = Sandbox().keys().active.private
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = tmp_path / "certificate.pem"
    path.write_bytes(private + made.public_bytes(Encoding.PEM))
    return path


def test_over_tls_issuer_and_cookie_are_secure_and_faults_still_break(sandbox: Sandbox, certificate: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with sandbox.serve(host="localhost", ssl_context=context) as server:
        party = Party(sandbox, server)
        party.http.verify = str(certificate)
        assert party.get("/.well-known/openid-configuration").json()["issuer"] == f"https://localhost:{server.port}"
        answer = party.sign_in(party.authorize())
        assert answer.headers["Set-Cookie"].endswith("; Secure")
        sandbox.fault("token_reset")
        with pytest.raises(requests.ConnectionError):
            party.redeem(read_query(answer.headers["Location"])["code"])
        party.close()
        with socket.create_connection(("localhost", server.port)) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            plain.settimeout(2)
            assert not plain.recv(100).startswith(b"HTTP")


def test_thirty_people_log_in_at_once(sandbox: Sandbox) -> None:
    with sandbox.serve() as server:
        def log_in(_: int) -> str:
            party = Party(sandbox, server)
            try:
                tokens = party.log_in()
                return str(party.refresh(tokens["refresh_token"]).json()["refresh_token"])
            finally:
                party.close()

        with ThreadPoolExecutor(16) as pool:
            tokens = list(pool.map(log_in, range(30)))
    assert len(set(tokens)) == 30
    assert len(sandbox.sessions) == 30


def test_one_refresh_token_used_by_many_at_once_has_one_successor(party: Party) -> None:
    token = party.log_in()["refresh_token"]

    def refresh(_: int) -> str:
        form = {"grant_type": "refresh_token", "client_id": party.client_id, "refresh_token": token}
        return str(requests.post(f"{party.endpoints}/token", data=form, timeout=5).json()["refresh_token"])

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(refresh, range(16)))) == 1
