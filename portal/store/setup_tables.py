"""The tables of setting Okta up: drafts, versions, checks, the guide, test logins, "Okta only", one-click set-up."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, String, Table, Text

from portal.store.models import _id, _time, _to, metadata

__all__ = ["metadata"]

# What an owner has entered and not switched on; one beside what is live.
integration_drafts = Table(
    "integration_drafts",
    metadata,
    _to("organization_id", "organizations.id", key=True),
    # Both JSON: the form as typed, and the apps as far as that Okta could be asked.
    Column("entries", Text, nullable=False),
    Column("apps", Text, nullable=False),
    # JSON, {field: code}: why it is not live. Empty when it would work and only waits to be switched on.
    Column("problems", Text, nullable=False),
    _time("updated_at"),
    Column("updated_by", String(254), nullable=False),
)

# Every change of a live integration, with all of its settings as JSON, so that any of them can come back.
integration_versions = Table(
    "integration_versions",
    metadata,
    _id(),
    _to("organization_id", "organizations.id"),
    Column("version", Integer, nullable=False),
    _time("at"),
    Column("who", String(254), nullable=False),
    # "saved", "switched_on", "deleted", "undone", "restored"
    Column("what", String(20), nullable=False),
    Column("settings", Text, nullable=False),
    Index(None, "organization_id", "id"),
    sqlite_autoincrement=True,
)

# One run of the live checks; `rows` is JSON and grows while it runs.
check_runs = Table(
    "check_runs",
    metadata,
    _id(),
    _to("organization_id", "organizations.id"),
    Column("subject", String(10), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("who", String(254), nullable=False),
    Column("rows", Text, nullable=False),
    # The host run by Okta, and the authorization server, as far as they were found out: for links into that Okta.
    Column("okta_host", String(253), nullable=False),
    Column("server_id", String(64), nullable=False),
    _time("started_at"),
    # The last sign of life: a run whose process has gone stops being under way by itself.
    _time("beat_at"),
    _time("finished_at", null=True),
    Index(None, "organization_id", "id"),
    sqlite_autoincrement=True,
)

# When a live integration is checked again by itself, and (JSON) which steps were right and which have turned wrong.
check_watches = Table(
    "check_watches",
    metadata,
    _to("organization_id", "organizations.id", key=True),
    _time("next_at"),
    Column("told", Text, nullable=False),
    Index(None, "next_at"),
)

# The steps of the guide that somebody has ticked off.
guide_progress = Table(
    "guide_progress",
    metadata,
    _to("organization_id", "organizations.id", key=True),
    Column("step", String(60), primary_key=True),
    _time("done_at"),
    Column("who", String(254), nullable=False),
)

# A link to the set-up alone, for whoever looks after Okta and has no account here.
setup_links = Table(
    "setup_links",
    metadata,
    _id(),
    Column("token_hash", LargeBinary(32), nullable=False, unique=True),
    _to("organization_id", "organizations.id"),
    Column("name", String(200), nullable=False),
    # As the page names them, and who it is whatever they are called: their links end with their being an owner.
    Column("created_by", String(254), nullable=False),
    _to("created_by_id", "users.id", null=True),
    _time("created_at"),
    _time("expires_at"),
    _time("used_at", null=True),
    _time("revoked_at", null=True),
    Index(None, "organization_id", "id"),
    sqlite_autoincrement=True,
)

# A login that tries settings out: it opens no session and makes no member. `stages` is JSON and grows.
trial_logins = Table(
    "trial_logins",
    metadata,
    Column("key_hash", LargeBinary(32), primary_key=True),
    # What it is called in the organization's own addresses; its link has a key that follows from this by our secret.
    Column("name", String(22), nullable=False, unique=True),
    _to("organization_id", "organizations.id"),
    Column("subject", String(10), nullable=False),
    Column("app", String(10), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    # Whoever asked for it, and the browser they asked in; and the browser in which somebody went to Okta.
    Column("created_by", String(254), nullable=False),
    _to("user_id", "users.id", null=True),
    Column("browser_hash", LargeBinary(32)),
    Column("tested_hash", LargeBinary(32)),
    Column("status", String(20), nullable=False),
    Column("passed", Boolean),
    # The address that Okta vouched for.
    Column("email", String(254)),
    Column("stages", Text, nullable=False),
    Column("reference", String(20)),
    Column("state_hash", LargeBinary(32), unique=True),
    Column("sign_out_hash", LargeBinary(32), unique=True),
    Column("sealed_attempt", LargeBinary),
    Column("sealed_tokens", LargeBinary),
    _time("created_at"),
    _time("started_at", null=True),
    _time("claimed_at", null=True),
    _time("finished_at", null=True),
    Index(None, "organization_id", "created_at"),
    sqlite_with_rowid=False,
)

# "Okta only": no passwords for this organization's people. Not confirmed in time, it is as if it had never been.
okta_only = Table(
    "okta_only",
    metadata,
    _to("organization_id", "organizations.id", key=True),
    _to("owner_user_id", "users.id"),
    Column("started_by", String(254), nullable=False),
    _time("started_at"),
    _time("confirm_by"),
    _time("confirmed_at", null=True),
    # When the settings last moved to another Okta, which has to be confirmed anew.
    _time("moved_at", null=True),
)

# One-time codes that let one owner in when Okta does not.
recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("code_hash", LargeBinary(32), primary_key=True),
    _to("organization_id", "organizations.id"),
    _to("user_id", "users.id"),
    _time("created_at"),
    _time("used_at", null=True),
    Index(None, "organization_id"),
    Index(None, "user_id"),
    sqlite_with_rowid=False,
)

# One-click set-up: what it has done and made in Okta (JSON). Never the token.
setup_runs = Table(
    "setup_runs",
    metadata,
    _id(),
    _to("organization_id", "organizations.id"),
    Column("domain", String(300), nullable=False),
    # "look", "set_up", "undo": what it is or was doing last.
    Column("what", String(10), nullable=False),
    # "running", "stopping", "stopped", "done", "undone"
    Column("status", String(20), nullable=False),
    # Which thread may write to it: whoever continues a run takes it away from one that only seemed dead.
    Column("holder", String(32), nullable=False),
    Column("choices", Text, nullable=False),
    Column("steps", Text, nullable=False),
    Column("made", Text, nullable=False),
    Column("started_by", String(254), nullable=False),
    _time("started_at"),
    # The last sign of life: a run whose process has gone stops being "running" by itself.
    _time("beat_at"),
    _time("finished_at", null=True),
    Index(None, "organization_id", "id"),
    sqlite_autoincrement=True,
)

# Mail that waits to be sent, and for a while what was; its text is sealed, since it may hold a link that logs in.
mails = Table(
    "mails",
    metadata,
    _id(),
    # Whose activity says so when it cannot be sent.
    _to("organization_id", "organizations.id", null=True),
    Column("recipient", String(254), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    _time("created_at"),
    _time("send_at"),
    Column("tries", Integer, nullable=False),
    _time("sent_at", null=True),
    _time("failed_at", null=True),
    Column("last_error", String(200)),
    Index(None, "send_at"),
    Index(None, "organization_id"),
    sqlite_autoincrement=True,
)

# One-time links to set a password, by the hash of their token.
password_links = Table(
    "password_links",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),
    _to("user_id", "users.id"),
    Column("purpose", String(20), nullable=False),
    # Whose Delete Integration it came from, so that only their undo ends it.
    _to("organization_id", "organizations.id", null=True),
    _time("created_at"),
    _time("expires_at"),
    _time("used_at", null=True),
    Index(None, "organization_id"),
    Index(None, "user_id"),
    sqlite_with_rowid=False,
)

# What a Delete Integration still has to do behind its page.
unfinished_deletions = Table(
    "unfinished_deletions",
    metadata,
    _to("integration_id", "integrations.id", key=True),
    _to("organization_id", "organizations.id"),
    # Whoever deleted: their mail was written with it.
    Column("first", String(254), nullable=False),
    Column("reference", String(20), nullable=False),
    _time("deleted_at"),
    # Whether mails are still to be written, up to whom they are, and how many.
    Column("mails", Boolean, nullable=False),
    _time("after_user_id"),
    Column("written", Integer, nullable=False),
)
