"""Embedded sign-ins under way. Each is known by two handles: the client's and the one that every step carries."""

import secrets
from dataclasses import dataclass, field

TRANSACTION_SECONDS = 3600
IDENTIFY, PASSWORD, SELECT, EMAIL = "identify", "password", "select", "email"


@dataclass
class Transaction:
    """One sign-in, from interact to its interaction code. Times are in epoch seconds."""

    server_id: str
    client_id: str
    redirect_uri: str
    state: str
    scopes: list[str]
    nonce: str
    challenge: str
    expires_at: float
    interaction_handle: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    state_handle: str = field(default_factory=lambda: make_state_handle())
    step: str = IDENTIFY
    person_id: str = ""
    identity_provider: str = ""
    """The id of the external identity provider that vouches for the person; "" is Okta itself."""
    code: str = ""
    code_expires_at: float = 0.0
    failure: str = ""
    """Okta's internal name of the error that ended it."""

    def start_over(self) -> None:
        self.step, self.person_id, self.identity_provider, self.code, self.failure = IDENTIFY, "", "", "", ""


def make_state_handle() -> str:
    return "02" + secrets.token_urlsafe(30)


class Transactions:
    """All of an org's embedded sign-ins. The caller holds the org's lock."""

    def __init__(self) -> None:
        self._by_interaction: dict[str, Transaction] = {}
        self._by_state: dict[str, Transaction] = {}

    def add(self, transaction: Transaction, *, now: float) -> None:
        if len(self._by_interaction) > 2000:
            for expired in [one for one in self._by_interaction.values() if now >= one.expires_at]:
                self.end(expired)
        self._by_interaction[transaction.interaction_handle] = transaction
        self._by_state[transaction.state_handle] = transaction

    def find(self, *, interaction_handle: str = "", state_handle: str = "", now: float) -> Transaction | None:
        found = self._by_interaction.get(interaction_handle) or self._by_state.get(state_handle)
        return found if found is not None and now < found.expires_at else None

    def start_over(self, transaction: Transaction) -> None:
        """Back to the first step, under a new state handle; the old one is void."""
        self._by_state.pop(transaction.state_handle, None)
        transaction.start_over()
        transaction.state_handle = make_state_handle()
        self._by_state[transaction.state_handle] = transaction

    def end(self, transaction: Transaction) -> None:
        self._by_interaction.pop(transaction.interaction_handle, None)
        self._by_state.pop(transaction.state_handle, None)
