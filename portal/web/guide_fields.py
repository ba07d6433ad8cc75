"""The fields beside the guide: what is entered for Okta now, and what the form that saves it has to bring along."""

from __future__ import annotations

from dataclasses import dataclass

from portal.connecting import stamp_of
from portal.current import services
from portal.store.drafts import find_draft
from portal.store.integrations import find_integration, settings_of
from portal.subjects import form_of


@dataclass(frozen=True, slots=True)
class Fields:
    """form -- by field name. version -- stamps what the page was made from. live, drafted -- what there is."""

    form: dict[str, str]
    version: str
    live: bool
    drafted: bool

    @property
    def empty(self) -> bool:
        """Whether nothing has been entered yet."""
        return not any(self.form[name] for name in ("spa_client_id", "spa_domain", "native_client_id", "native_domain"))


def load_fields(organization_id: int) -> Fields:
    """The draft's entries where there is one, else what is live, else empty."""
    with services().db.reading() as connection:
        draft, live = find_draft(connection, organization_id), find_integration(connection, organization_id)
    form = form_of(settings_of(live) if live else None)
    if draft is not None:
        form |= {name: draft.entries.get(name, form[name]) for name in form}
    return Fields(
        form=form,
        version=stamp_of(live, draft),
        live=live is not None,
        drafted=draft is not None,
    )
