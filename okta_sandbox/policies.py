"""Access policies of a custom authorization server: which rule, if any, lets a client, grant, scope and person in."""

from collections.abc import Iterator

from okta_sandbox.directory import AuthorizationServer, Json, Person
from okta_sandbox.errors import OAuthError
from okta_sandbox.org import Org
from okta_sandbox.ticks import rule_grants

ORG_RULE: Json = {
    "actions": {
        "token": {
            "accessTokenLifetimeMinutes": 60, "refreshTokenLifetimeMinutes": 0, "refreshTokenWindowMinutes": 129600,
        },
    },
}
"""The org authorization server has no policies; its refresh tokens live for 90 days of silence."""


def find_rule(org: Org, server: AuthorizationServer, client_id: str, grant: str, scopes: list[str],
              person: Person) -> Json:
    """The first rule that matches, by the priorities of policies and rules. Raises Okta's no_matching_policy.

    A refresh is judged by the grant that the sign-in began with, as rules of Okta name no refresh grant;
    a rule may name it all the same.
    """
    if server.is_org:
        return ORG_RULE
    for rule in _fitting_rules(org, server, client_id, grant, scopes):
        if _has_person(org, rule["conditions"].get("people", {}), person):
            return rule
    raise OAuthError("no_matching_policy")


def has_rule(org: Org, server: AuthorizationServer, client_id: str, grant: str, scopes: list[str]) -> bool:
    """Whether any person could be let in. Okta's embedded sign-in says so before it asks who is there."""
    return server.is_org or any(_fitting_rules(org, server, client_id, grant, scopes))


def _fitting_rules(org: Org, server: AuthorizationServer, client_id: str, grant: str,
                   scopes: list[str]) -> Iterator[Json]:
    for policy in sorted(server.policies.values(), key=_priority):
        clients = policy["conditions"]["clients"]["include"]
        if policy["status"] != "ACTIVE" or not {"ALL_CLIENTS", client_id} & set(clients):
            continue
        for rule in sorted(server.rules[policy["id"]].values(), key=_priority):
            allowed = set(rule["conditions"]["scopes"]["include"])
            fits = grant in rule_grants(org, rule) and ("*" in allowed or allowed >= set(scopes))
            if rule["status"] == "ACTIVE" and fits:
                yield rule


def token_seconds(rule: Json, name: str) -> int:
    return int(rule["actions"]["token"][name]) * 60


def _priority(entry: Json) -> int:
    return int(entry["priority"])


def _has_person(org: Org, people: Json, person: Person) -> bool:
    if person.id in people.get("users", {}).get("exclude", []):
        return False
    groups = set(people.get("groups", {}).get("include", []))
    included = person.id in people.get("users", {}).get("include", [])
    return included or bool(groups & {"EVERYONE", *org.groups_of(person)})
