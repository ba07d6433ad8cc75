"""The tables, as SQLAlchemy Core sees them; how they came to be is in `migrations/`.

Times are whole seconds since 1970 in 64 bits, from the application's one clock. Ids are never used again.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[int]:
    # SQLite counts up by itself only in a column of type INTEGER; PostgreSQL wants 64 bits.
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


def _to(name: str, target: str, *, null: bool = False, key: bool = False) -> Column[int]:
    whole = BigInteger().with_variant(Integer, "sqlite")
    return Column(name, whole, ForeignKey(target), nullable=null, primary_key=key)


def _time(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=null)


organizations = Table(
    "organizations",
    metadata,
    _id(),
    Column("slug", String(63), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    _time("created_at"),
    # How long a session may go unused, and how long it may last at all, where that is shorter than usual; in seconds.
    Column("session_idle_seconds", Integer),
    Column("session_seconds", Integer),
    # The claim of an ID token that names somebody's groups in Okta; NULL where roles do not follow them.
    Column("groups_claim", String(100)),
    sqlite_autoincrement=True,
)

domains = Table(
    "domains",
    metadata,
    _id(),
    _to("organization_id", "organizations.id"),
    Column("name", String(253), nullable=False, unique=True),
    _time("verified_at"),
    sqlite_autoincrement=True,
)

users = Table(
    "users",
    metadata,
    _id(),
    Column("email", String(254), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("password_hash", String(200)),
    _time("created_at"),
    sqlite_autoincrement=True,
)

members = Table(
    "members",
    metadata,
    _id(),
    _to("organization_id", "organizations.id"),
    _to("user_id", "users.id"),
    Column("role", String(20), nullable=False),
    _time("created_at"),
    UniqueConstraint("organization_id", "user_id"),
    Index(None, "user_id"),
    sqlite_autoincrement=True,
)

# A person at Okta is (issuer, sub), never an e-mail address.
identities = Table(
    "identities",
    metadata,
    _id(),
    _to("user_id", "users.id"),
    _to("organization_id", "organizations.id"),
    Column("issuer", String(300), nullable=False),
    Column("sub", String(255), nullable=False),
    Column("email", String(254), nullable=False),
    _time("created_at"),
    UniqueConstraint("issuer", "sub"),
    Index(None, "user_id"),
    sqlite_autoincrement=True,
)

integrations = Table(
    "integrations",
    metadata,
    _id(),
    _to("organization_id", "organizations.id"),
    Column("version", Integer, nullable=False),
    Column("authorization_server", String(100), nullable=False),
    Column("sign_in", String(20), nullable=False),
    Column("checked", Boolean, nullable=False),
    _time("created_at"),
    _time("updated_at"),
    Column("updated_by", String(254), nullable=False),
    _time("deleted_at", null=True),
    # An organization has one live integration; deleted ones stay for the undo.
    Index(
        "uq_integrations_live",
        "organization_id",
        unique=True,
        sqlite_where=text("deleted_at IS NULL"),
        postgresql_where=text("deleted_at IS NULL"),
    ),
    sqlite_autoincrement=True,
)

apps = Table(
    "apps",
    metadata,
    _id(),
    _to("integration_id", "integrations.id"),
    Column("kind", String(10), nullable=False),
    Column("client_id", String(255), nullable=False),
    Column("domain", String(300), nullable=False),
    Column("issuer", String(300), nullable=False),
    Column("scope", String(200), nullable=False),
    UniqueConstraint("integration_id", "kind"),
    Index(None, "issuer"),
    sqlite_autoincrement=True,
)

sessions = Table(
    "sessions",
    metadata,
    # Only the SHA-256 of the cookie's value is kept, so that a copy of this table logs nobody in.
    Column("id_hash", LargeBinary(32), primary_key=True),
    _to("organization_id", "organizations.id"),
    _to("user_id", "users.id"),
    Column("method", String(10), nullable=False),
    _to("identity_id", "identities.id", null=True),
    _to("integration_id", "integrations.id", null=True),
    Column("integration_version", Integer),
    Column("sealed_tokens", LargeBinary),
    # "web": the id is a browser's cookie; "phone": a family of the app's tokens. Neither is taken for the other.
    Column("kind", String(10), nullable=False, server_default="web"),
    Column("device", String(200)),
    # RFC 9449: the SHA-256 thumbprint of the key that every use of this session has to be signed with.
    Column("dpop_jkt", String(43)),
    # The browser session that was begun for this one, on the same phone; it ends with it.
    Column("opened_by", LargeBinary(32)),
    _time("created_at"),
    _time("used_at"),
    _time("proved_at"),
    # While somebody asks Okta about it, until when at most.
    _time("proving_until", null=True),
    # When the person last proved themselves: typed a password here, or signed in at Okta (`auth_time`).
    _time("signed_in_at", null=True),
    # Where from, without the last part of the address.
    Column("network", String(60)),
    # What Okta calls its own session, where it says so: for its front-channel logout.
    Column("okta_sid", String(255)),
    _time("expires_at"),
    _time("ended_at", null=True),
    Column("ended_why", String(40)),
    Index(None, "user_id"),
    Index(None, "integration_id"),
    # Most sessions have none, and whoever asks for one need not be logged in.
    Index(
        None,
        "okta_sid",
        sqlite_where=text("okta_sid IS NOT NULL"),
        postgresql_where=text("okta_sid IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)

# One row for each login that came back: whoever inserts it first may redeem the code.
claimed_attempts = Table(
    "claimed_attempts",
    metadata,
    Column("state_hash", LargeBinary(32), primary_key=True),
    _time("claimed_at"),
    sqlite_with_rowid=False,
)

# The phone's refresh tokens, by their hash; a used one stays, so that its second use is seen for what it is.
refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),
    Column("session_hash", LargeBinary(32), ForeignKey("sessions.id_hash", ondelete="CASCADE"), nullable=False),
    _time("created_at"),
    _time("used_at", null=True),
    # What the use answered, sealed: the same answer again for whoever lost it, within seconds.
    Column("answer", LargeBinary),
    Index(None, "session_hash"),
    sqlite_with_rowid=False,
)

# Okta's tokens of sessions that are over, until Okta has taken them back: sealed as they were for the session.
left_tokens = Table(
    "left_tokens",
    metadata,
    _id(),
    _to("organization_id", "organizations.id"),
    # Whose they are, since the settings may name another Okta by now.
    Column("issuer", String(300), nullable=False),
    Column("client_id", String(255), nullable=False),
    # What they are sealed for: the hash of the session's id.
    Column("name", LargeBinary(32), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("why", String(40), nullable=False),
    Column("reference", String(20), nullable=False),
    _time("left_at"),
    # When somebody may try next: whoever is at it has put this off.
    _time("try_at"),
    Index(None, "try_at"),
    Index(None, "organization_id", "try_at"),
    Index(None, "name"),
    sqlite_autoincrement=True,
)

# A phone's login (or logout) under way; what the web keeps in the browser is kept here.
native_attempts = Table(
    "native_attempts",
    metadata,
    Column("state_hash", LargeBinary(32), primary_key=True),
    Column("purpose", String(10), nullable=False),
    Column("flow", String(10), nullable=False),
    _to("organization_id", "organizations.id", null=True),
    Column("code_challenge", String(43), nullable=False),
    Column("sealed_attempt", LargeBinary, nullable=False),
    Column("status", String(10), nullable=False),
    _time("created_at"),
    _time("opened_at", null=True),
    _time("returned_at", null=True),
    _time("ended_at", null=True),
    # The deep link that was redeemed, what was answered to it, or why it was turned down.
    Column("link_hash", LargeBinary(32)),
    Column("answer", LargeBinary),
    Column("failure", String(100)),
    # The portal's own one-time code, and the browser session whose person it stands for.
    Column("code_hash", LargeBinary(32)),
    _time("code_at", null=True),
    Column("web_session", LargeBinary(32)),
    # Whether that session was begun for this login; then it ends with the app's.
    Column("began_session", Boolean),
    Index(None, "created_at"),
    sqlite_with_rowid=False,
)

# The keys that sign POINT's access tokens: the newest that is in use signs, older ones are still believed.
signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", String(43), primary_key=True),
    Column("sealed_key", LargeBinary, nullable=False),
    _time("created_at"),
    _time("use_from"),
    sqlite_with_rowid=False,
)

# RFC 9449 11.1: a proof counts once.
dpop_proofs = Table(
    "dpop_proofs",
    metadata,
    Column("proof_hash", LargeBinary(32), primary_key=True),
    _time("seen_at"),
    sqlite_with_rowid=False,
)

# Orders of Okta's to end somebody's sessions, by the hash of their `jti`: each counts once.
revocations = Table(
    "revocations",
    metadata,
    Column("jti_hash", LargeBinary(32), primary_key=True),
    _time("expires_at"),
    Index(None, "expires_at"),
    sqlite_with_rowid=False,
)

activity = Table(
    "activity",
    metadata,
    _id(),
    _to("organization_id", "organizations.id", null=True),
    _time("at"),
    Column("who", String(254), nullable=False),
    Column("what", String(60), nullable=False),
    Column("about", Text, nullable=False),
    Column("reference", String(20), nullable=False),
    # Why it was turned down: a Problem's code; for counting.
    Column("cause", String(60)),
    Index(None, "organization_id", "at", "id"),
    # Whoever looks for one kind of thing, or one person, must not read a million others.
    Index(None, "organization_id", "what", "at"),
    Index(None, "organization_id", "who", "at"),
    Index(None, "reference"),
    sqlite_autoincrement=True,
)

# Who may join, and as what; one for each address.
invitations = Table(
    "invitations",
    metadata,
    _to("organization_id", "organizations.id", key=True),
    Column("email", String(254), primary_key=True),
    Column("role", String(20), nullable=False),
    Column("token_hash", LargeBinary(32), nullable=False, unique=True),
    # As the page names them, and who it is whatever they are called: their invitations end with their being an owner.
    Column("invited_by", String(254), nullable=False),
    _to("invited_by_id", "users.id", null=True),
    _time("created_at"),
    _time("expires_at"),
    sqlite_with_rowid=False,
)

# Which role a group in the organization's Okta gives.
group_roles = Table(
    "group_roles",
    metadata,
    _to("organization_id", "organizations.id", key=True),
    Column("group_name", String(255), primary_key=True),
    Column("role", String(20), nullable=False),
    sqlite_with_rowid=False,
)

# A domain that an organization says is its own, until its DNS says so too. Several may claim it; one will have it.
domain_claims = Table(
    "domain_claims",
    metadata,
    _to("organization_id", "organizations.id", key=True),
    Column("name", String(253), primary_key=True),
    Column("token", String(64), nullable=False),
    Column("created_by", String(254), nullable=False),
    _time("created_at"),
    _time("checked_at", null=True),
    Column("found", String(20), nullable=False),
    sqlite_with_rowid=False,
)

# How often what happened on a day that is over, so that nobody counts a million rows for a chart.
activity_days = Table(
    "activity_days",
    metadata,
    _to("organization_id", "organizations.id", key=True),
    # Days since 1970, UTC.
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("what", String(60), primary_key=True),
    Column("cause", String(60), primary_key=True),
    Column("times", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# Up to which day an organization's have been counted.
activity_counts = Table(
    "activity_counts",
    metadata,
    _to("organization_id", "organizations.id", key=True),
    Column("through_day", Integer, nullable=False),
)
