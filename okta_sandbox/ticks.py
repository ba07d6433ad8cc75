"""Which grants are ticked: on an app, and in an access policy rule. Three faults untick one in all of them.

The faults leave the directory as it is, so that switching them off brings every tick back.
"""

from okta_sandbox.directory import App, Json
from okta_sandbox.org import Org


def app_grants(org: Org, app: App) -> list[str]:
    return _without("interaction_code", app.grants, off=org.faulty["app_without_interaction_code"])


def rule_grants(org: Org, rule: Json) -> list[str]:
    grants: list[str] = rule["conditions"]["grantTypes"]["include"]
    for grant in ("interaction_code", "authorization_code"):
        grants = _without(grant, grants, off=org.faulty[f"rule_without_{grant}"])
    return grants


def _without(grant: str, grants: list[str], *, off: bool) -> list[str]:
    return [one for one in grants if not (off and one == grant)]
