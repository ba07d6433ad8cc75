"""The steps of the set-up guide that something can be found out about: one name each, for guide, checks and repairs.

A step belongs to the web app ("spa"), to the app for phones ("native"), or to the Okta org as a whole (None).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

App = Literal["spa", "native"]
Place = Literal[
    "home", "applications", "new_app", "app_general", "app_sign_on", "app_assignments", "trusted_origins",
    "authorization_servers", "access_policies", "claims", "account_settings", "system_log", "api_tokens",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """id -- stable, in rows, stored results and addresses. place -- where in the Admin Console it is put right."""

    id: str
    app: App | None
    place: Place
    embedded_only: bool = False


def _of(app: App) -> tuple[Step, ...]:
    return (
        Step(f"{app}.client", app, "app_general"),
        Step(f"{app}.public", app, "app_general"),
        Step(f"{app}.authorization_code", app, "app_general"),
        Step(f"{app}.refresh_token", app, "app_general"),
        Step(f"{app}.interaction_code", app, "app_general", embedded_only=True),
        Step(f"{app}.offline_access", app, "access_policies"),
        Step(f"{app}.redirect_uri", app, "app_general"),
        Step(f"{app}.sign_out_uri", app, "app_general"),
        Step(f"{app}.assignments", app, "app_assignments"),
        Step(f"{app}.access_policy", app, "access_policies", embedded_only=True),
    )


# In the order of the guide, and of what has to be right before the next can be found out.
STEPS: tuple[Step, ...] = (
    Step("domain", None, "home"),
    Step("engine", None, "account_settings", embedded_only=True),
    Step("authorization_server", None, "authorization_servers"),
    Step("interaction_code_setting", None, "account_settings", embedded_only=True),
    *_of("spa"),
    *_of("native"),
    Step("pair", None, "applications"),
    Step("trusted_origin", None, "trusted_origins", embedded_only=True),
)
BY_ID = {step.id: step for step in STEPS}
