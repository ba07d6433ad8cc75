"""Which grants are ticked: on an app, and in an access policy rule. Two faults untick Interaction Code in all of them.

The faults leave the directory as it is, so that switching them off brings every tick back.
"""

from okta_sandbox.directory import App, Json
from okta_sandbox.org import Org


def app_grants(org: Org, app: App) -> list[str]:
    return _without(app.grants, off=org.faulty["app_without_interaction_code"])


def rule_grants(org: Org, rule: Json) -> list[str]:
    grants: list[str] = rule["conditions"]["grantTypes"]["include"]
    return _without(grants, off=org.faulty["rule_without_interaction_code"])


def _without(grants: list[str], *, off: bool) -> list[str]:
    return [grant for grant in grants if not (off and grant == "interaction_code")]
