"""Org-wide settings, as an admin finds them in the Admin Console, and the switches' names on the sandbox's page."""

from collections.abc import Callable


class Settings:
    """Turning Interaction Code off takes the grant from every app and rule; turning it on gives none back."""

    def __init__(self, strip_interaction_code: Callable[[], None]) -> None:
        self._strip = strip_interaction_code
        self._interaction_code = True
        self.classic_engine = False
        self.api_access_management = True
        self.email_code = False
        self.identity_provider = False

    @property
    def interaction_code(self) -> bool:
        return self._interaction_code

    @interaction_code.setter
    def interaction_code(self, on: bool) -> None:
        self._interaction_code = on
        if not on:
            self._strip()

    def set(self, name: str, on: bool) -> None:
        """Sets a setting by the name of its switch, which says what is wrong with the org when it is on."""
        attribute, inverted = SWITCHES[name]
        setattr(self, attribute, on != inverted)

    def read(self) -> dict[str, bool]:
        return {name: bool(getattr(self, attribute)) != inverted for name, (attribute, inverted) in SWITCHES.items()}


SWITCHES: dict[str, tuple[str, bool]] = {
    "interaction_code_off": ("interaction_code", True),
    "classic_engine": ("classic_engine", False),
    "no_api_access_management": ("api_access_management", True),
    "email_code_required": ("email_code", False),
    "external_identity_provider": ("identity_provider", False),
}
