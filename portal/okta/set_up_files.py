"""The same set-up as files that somebody runs for themselves: what the templates in `templates/files` are filled with.

The bodies are those that the set-up itself sends. No token is in them: Terraform and the script read it where they run.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Any

from portal.okta import set_up_plan as plan
from portal.okta.domain import OktaDomain
from portal.okta.management import Json
from portal.okta.set_up_plan import Addresses, Kind


def terraform_values(
    addresses: Addresses, kinds: Sequence[Kind], domain: OktaDomain | None, authorization_server: str
) -> dict[str, Any]:
    """For `okta.tf`: everything as HCL text. Without a domain, or with one on loopback, Terraform asks for it."""
    apps = [(kind, _hcl_app(plan.app_body(kind, addresses))) for kind in kinds]
    origin, policy, rule = plan.origin_body(addresses), plan.policy_body([]), plan.rule_body()
    named = domain is not None and not domain.is_loopback
    label, _, suffix = domain.host.partition(".") if named and domain else ("", "", "")
    lifetimes = rule["actions"]["token"]
    clients = [f"okta_app_oauth.{kind}.id" for kind in kinds]
    return {
        "org_name": _hcl(label) if label else "",
        "base_url": _hcl(suffix) if suffix else "",
        "apps": apps,
        "origin": {"name": _hcl(origin["name"]), "origin": _hcl(origin["origin"]),
                   "scopes": _hcl([scope["type"] for scope in origin["scopes"]])},
        "server": "" if authorization_server == "org" else _hcl(_server(authorization_server)),
        "policy": {"name": _hcl(policy["name"]), "description": _hcl(policy["description"]),
                   "priority": _hcl(policy["priority"]), "clients": ", ".join(clients)},
        "rule": {
            "name": _hcl(rule["name"]),
            "priority": _hcl(rule["priority"]),
            "grants": _hcl_grants(rule["conditions"]["grantTypes"]["include"]),
            "groups": _hcl(rule["conditions"]["people"]["groups"]["include"]),
            "scopes": _hcl(rule["conditions"]["scopes"]["include"]),
            "lifetimes": [
                ("access_token_lifetime_minutes", _hcl(lifetimes["accessTokenLifetimeMinutes"])),
                ("refresh_token_lifetime_minutes", _hcl(lifetimes["refreshTokenLifetimeMinutes"])),
                ("refresh_token_window_minutes", _hcl(lifetimes["refreshTokenWindowMinutes"])),
            ],
        },
    }  # fmt: skip


def script_values(
    addresses: Addresses, kinds: Sequence[Kind], domain: OktaDomain | None, authorization_server: str
) -> dict[str, Any]:
    """For `okta.sh`: everything quoted for a POSIX shell. Without a domain the script wants OKTA_URL."""
    apps = []
    for kind in kinds:
        body = plan.app_body(kind, addresses)
        apps.append({
            "kind": kind,
            "label": shlex.quote(body["label"]),
            "redirect_uri": shlex.quote(addresses.redirect_uris[kind]),
            "body": _sh(body),
            "plain": _sh(plan.without_interaction_code(body)),
        })  # fmt: skip
    rule, policy = plan.rule_body(), plan.policy_body(["CLIENTS"])
    before, _, after = json.dumps(policy, separators=(",", ":")).partition('"CLIENTS"')
    return {
        "okta": shlex.quote(domain.base if domain else ""),
        "apps": apps,
        "origin": shlex.quote(addresses.origin),
        "origin_body": _sh(plan.origin_body(addresses)),
        "server": shlex.quote(_server(authorization_server)),
        "server_may_be_org": authorization_server == "auto",
        "policy_before": shlex.quote(before),
        "policy_after": shlex.quote(after),
        "rule_body": _sh(rule),
        "rule_plain": _sh(plan.without_interaction_code(rule)),
        "name": shlex.quote(plan.NAME),
    }


def _server(authorization_server: str) -> str:
    return "default" if authorization_server == "auto" else authorization_server


def _hcl_app(body: Json) -> list[tuple[str, str]]:
    """The arguments of `okta_app_oauth`, in its own names."""
    oauth, credentials = body["settings"]["oauthClient"], body["credentials"]["oauthClient"]
    rotation = oauth["refresh_token"]
    leeway = [("refresh_token_leeway", _hcl(rotation["leeway"]))] if "leeway" in rotation else []
    return [
        ("label", _hcl(body["label"])),
        ("type", _hcl(oauth["application_type"])),
        ("token_endpoint_auth_method", _hcl(credentials["token_endpoint_auth_method"])),
        ("pkce_required", _hcl(credentials["pkce_required"])),
        ("auto_key_rotation", _hcl(credentials["autoKeyRotation"])),
        ("grant_types", _hcl_grants(oauth["grant_types"])),
        ("response_types", _hcl(oauth["response_types"])),
        ("redirect_uris", _hcl(oauth["redirect_uris"])),
        ("post_logout_redirect_uris", _hcl(oauth["post_logout_redirect_uris"])),
        ("refresh_token_rotation", _hcl(rotation["rotation_type"])),
        *leeway,
        ("issuer_mode", _hcl(oauth["issuer_mode"])),
        ("consent_method", _hcl(oauth["consent_method"])),
        ("login_mode", _hcl(oauth["idp_initiated_login"]["mode"])),
        ("wildcard_redirect", _hcl(oauth["wildcard_redirect"])),
    ]


def _hcl_grants(grants: Sequence[str]) -> str:
    return f"concat({_hcl([one for one in grants if one != plan.INTERACTION_CODE])}, local.interaction_code)"


def _hcl(value: Any) -> str:
    """A value as HCL writes it: JSON, in whose strings nothing may begin a template."""
    return json.dumps(value, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")


def _sh(body: Json) -> str:
    return shlex.quote(json.dumps(body, separators=(",", ":")))
