"""Metadata, keys and okta-organization."""

import socket

import pytest
import requests

from okta_sandbox import Sandbox, Server
from tests.okta_sandbox.party import Party, decode_part


@pytest.mark.parametrize(("path", "issuer"), [
    ("/.well-known/openid-configuration", ""),
    ("/.well-known/oauth-authorization-server", ""),
    ("/oauth2/default/.well-known/openid-configuration", "/oauth2/default"),
    ("/oauth2/default/.well-known/oauth-authorization-server", "/oauth2/default"),
    ("/.well-known/oauth-authorization-server/oauth2/default", "/oauth2/default"),
])
def test_both_kinds_of_server_publish_their_metadata(party: Party, path: str, issuer: str) -> None:
    document = party.get(path).json()
    assert document["issuer"] == party.base + issuer
    endpoints = party.base + (issuer or "/oauth2") + "/v1"
    assert document["token_endpoint"] == f"{endpoints}/token"
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert "interaction_code" not in document["grant_types_supported"]
    assert ("groups" in document["scopes_supported"]) is (issuer == "")


def test_the_issuer_follows_the_host_that_was_asked(party: Party) -> None:
    port = party.base.rpartition(":")[2]
    document = party.get("/.well-known/openid-configuration", headers={"Host": f"localhost:{port}"}).json()
    assert document["issuer"] == f"http://localhost:{port}"
    assert document["jwks_uri"].startswith(f"http://localhost:{port}/")


def test_metadata_for_an_unknown_client_is_refused_in_management_shape(party: Party) -> None:
    answer = party.get("/.well-known/openid-configuration?client_id=0oaNobody")
    assert answer.status_code == 400
    assert answer.json()["errorCode"] == "invalid_client"
    assert answer.json()["errorSummary"] == "Invalid value for 'client_id' parameter."


def test_metadata_for_a_client_names_keys_for_that_client(party: Party) -> None:
    document = party.get(f"/.well-known/openid-configuration?client_id={party.client_id}").json()
    assert document["jwks_uri"] == f"{party.base}/oauth2/v1/keys?client_id={party.client_id}"


def test_an_unknown_authorization_server_is_not_found(party: Party) -> None:
    answer = party.get("/oauth2/aus1/.well-known/openid-configuration")
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "E0000007")
    assert answer.json()["errorSummary"] == "Not found: Resource not found: aus1 (AuthorizationServer)"


def test_without_api_access_management_custom_servers_are_out_of_reach(party: Party) -> None:
    party.sandbox.fault("no_api_access_management")
    answer = party.get("/oauth2/default/.well-known/openid-configuration")
    assert (answer.status_code, answer.json()["errorCode"]) == (401, "E0000015")
    assert party.get("/.well-known/openid-configuration").status_code == 200


def test_two_keys_are_published_and_rotation_moves_the_next_one_up(party: Party) -> None:
    first, second = (key["kid"] for key in party.get("/oauth2/default/v1/keys").json()["keys"])
    assert decode_part(party.log_in()["id_token"], 0)["kid"] == first
    party.sandbox.rotate_keys()
    answer = party.get("/oauth2/default/v1/keys")
    assert answer.json()["keys"][0]["kid"] == second
    assert "max-age" in answer.headers["Cache-Control"]
    assert decode_part(party.log_in()["id_token"], 0)["kid"] == second


def test_org_and_custom_server_have_different_keys(party: Party) -> None:
    kids = [{key["kid"] for key in party.get(path).json()["keys"]} for path in ("/oauth2/v1/keys",
                                                                                "/oauth2/default/v1/keys")]
    assert not kids[0] & kids[1]


def test_two_orgs_can_have_different_keys() -> None:
    kids = [Sandbox(keys=name).keys().active.kid for name in ("a", "b", "a")]
    assert kids[0] != kids[1]
    assert kids[0] == kids[2]


def test_okta_organization_tells_the_engine(party: Party) -> None:
    document = party.get("/.well-known/okta-organization").json()
    assert document["pipeline"] == "idx"
    assert document["_links"]["organization"]["href"] == party.base
    party.sandbox.fault("classic_engine")
    assert party.get("/.well-known/okta-organization").json()["pipeline"] == "v1"


def test_okta_organization_names_the_custom_domain_back() -> None:
    sandbox = Sandbox(host_names=("acme.okta.com", "id.acme.example"))
    with sandbox.serve() as server:
        links = requests.get(f"{server.url}/.well-known/okta-organization", timeout=5).json()["_links"]
    assert links == {"organization": {"href": "http://acme.okta.com"}, "alternate": {"href": "http://id.acme.example"}}


def test_unknown_paths_and_methods_get_oktas_errors(party: Party) -> None:
    assert party.get("/nowhere").json()["errorCode"] == "E0000008"
    answer = party.get("/oauth2/v1/token")
    assert (answer.status_code, answer.json()["errorCode"]) == (405, "E0000022")


def test_a_sandbox_stops_at_once_even_with_an_open_connection(sandbox: Sandbox) -> None:
    server: Server = sandbox.serve()
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"GET /.well-known/okta-organization HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK")
        server.close()
        connection.settimeout(2)
        assert connection.recv(1) == b""


@pytest.mark.parametrize("path", [
    "/.well-known/openid-configuration", "/oauth2/default/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server/oauth2/default", "/.well-known/okta-organization",
    "/oauth2/default/v1/keys", "/oauth2/v1/keys",
])
def test_any_page_may_read_what_is_public(party: Party, path: str) -> None:
    """Okta's own clients send a header of theirs with these questions, so a browser asks before."""
    answer = party.http.options(party.base + path, headers={"Origin": "https://any.example"}, timeout=5)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "X-Okta-User-Agent-Extended" in answer.headers["Access-Control-Allow-Headers"]
