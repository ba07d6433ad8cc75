"""Setting Okta up: drafts, versions, checks, the guide, test logins, "Okta only", one-click set-up, mail

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op


revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('mails',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('organization_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('recipient', sa.String(length=254), nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('send_at', sa.BigInteger(), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('sent_at', sa.BigInteger(), nullable=True),
    sa.Column('failed_at', sa.BigInteger(), nullable=True),
    sa.Column('last_error', sa.String(length=200), nullable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organizations.id'], name=op.f('fk_mails_organization_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_mails')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_mails_organization_id'), 'mails', ['organization_id'], unique=False)
    op.create_index(op.f('ix_mails_send_at'), 'mails', ['send_at'], unique=False)
    op.create_table('check_runs',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('organization_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('subject', sa.String(length=10), nullable=False),
    sa.Column('fingerprint', sa.String(length=64), nullable=False),
    sa.Column('who', sa.String(length=254), nullable=False),
    sa.Column('rows', sa.Text(), nullable=False),
    sa.Column('okta_host', sa.String(length=253), nullable=False),
    sa.Column('server_id', sa.String(length=64), nullable=False),
    sa.Column('started_at', sa.BigInteger(), nullable=False),
    sa.Column('beat_at', sa.BigInteger(), nullable=False),
    sa.Column('finished_at', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organizations.id'], name=op.f('fk_check_runs_organization_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_check_runs')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_check_runs_organization_id_id'), 'check_runs', ['organization_id', 'id'], unique=False)
    op.create_table('check_watches',
    sa.Column('organization_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('next_at', sa.BigInteger(), nullable=False),
    sa.Column('told', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id'], ['organizations.id'], name=op.f('fk_check_watches_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', name=op.f('pk_check_watches'))
    )
    op.create_index(op.f('ix_check_watches_next_at'), 'check_watches', ['next_at'], unique=False)
    op.create_table('guide_progress',
    sa.Column('organization_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('step', sa.String(length=60), nullable=False),
    sa.Column('done_at', sa.BigInteger(), nullable=False),
    sa.Column('who', sa.String(length=254), nullable=False),
    sa.ForeignKeyConstraint(['organization_id'], ['organizations.id'], name=op.f('fk_guide_progress_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'step', name=op.f('pk_guide_progress'))
    )
    op.create_table('integration_drafts',
    sa.Column('organization_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('entries', sa.Text(), nullable=False),
    sa.Column('apps', sa.Text(), nullable=False),
    sa.Column('problems', sa.Text(), nullable=False),
    sa.Column('updated_at', sa.BigInteger(), nullable=False),
    sa.Column('updated_by', sa.String(length=254), nullable=False),
    sa.ForeignKeyConstraint(['organization_id'], ['organizations.id'], name=op.f('fk_integration_drafts_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', name=op.f('pk_integration_drafts'))
    )
    op.create_table('integration_versions',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('organization_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('who', sa.String(length=254), nullable=False),
    sa.Column('what', sa.String(length=20), nullable=False),
    sa.Column('settings', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id'], ['organizations.id'], name=op.f('fk_integration_versions_organization_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_integration_versions')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_integration_versions_organization_id_id'), 'integration_versions', ['organization_id', 'id'], unique=False)
    op.create_table('okta_only',
    sa.Column('organization_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('owner_user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('started_by', sa.String(length=254), nullable=False),
    sa.Column('started_at', sa.BigInteger(), nullable=False),
    sa.Column('confirm_by', sa.BigInteger(), nullable=False),
    sa.Column('confirmed_at', sa.BigInteger(), nullable=True),
    sa.Column('moved_at', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organizations.id'], name=op.f('fk_okta_only_organization_id')),
    sa.ForeignKeyConstraint(['owner_user_id'], ['users.id'], name=op.f('fk_okta_only_owner_user_id')),
    sa.PrimaryKeyConstraint('organization_id', name=op.f('pk_okta_only'))
    )
    op.create_table('password_links',
    sa.Column('token_hash', sa.LargeBinary(length=32), nullable=False),
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('purpose', sa.String(length=20), nullable=False),
    sa.Column('organization_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('expires_at', sa.BigInteger(), nullable=False),
    sa.Column('used_at', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organizations.id'], name=op.f('fk_password_links_organization_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_password_links_user_id')),
    sa.PrimaryKeyConstraint('token_hash', name=op.f('pk_password_links')),
    sqlite_with_rowid=False
    )
    op.create_index(op.f('ix_password_links_organization_id'), 'password_links', ['organization_id'], unique=False)
    op.create_index(op.f('ix_password_links_user_id'), 'password_links', ['user_id'], unique=False)
    op.create_table('recovery_codes',
    sa.Column('code_hash', sa.LargeBinary(length=32), nullable=False),
    sa.Column('organization_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('used_at', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organizations.id'], name=op.f('fk_recovery_codes_organization_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_recovery_codes_user_id')),
    sa.PrimaryKeyConstraint('code_hash', name=op.f('pk_recovery_codes')),
    sqlite_with_rowid=False
    )
    op.create_index(op.f('ix_recovery_codes_organization_id'), 'recovery_codes', ['organization_id'], unique=False)
    op.create_index(op.f('ix_recovery_codes_user_id'), 'recovery_codes', ['user_id'], unique=False)
    op.create_table('setup_links',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('token_hash', sa.LargeBinary(length=32), nullable=False),
    sa.Column('organization_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('created_by', sa.String(length=254), nullable=False),
    sa.Column('created_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('expires_at', sa.BigInteger(), nullable=False),
    sa.Column('used_at', sa.BigInteger(), nullable=True),
    sa.Column('revoked_at', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['created_by_id'], ['users.id'], name=op.f('fk_setup_links_created_by_id')),
    sa.ForeignKeyConstraint(['organization_id'], ['organizations.id'], name=op.f('fk_setup_links_organization_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_setup_links')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_setup_links_token_hash')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_setup_links_organization_id_id'), 'setup_links', ['organization_id', 'id'], unique=False)
    op.create_table('setup_runs',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('organization_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('domain', sa.String(length=300), nullable=False),
    sa.Column('what', sa.String(length=10), nullable=False),
    sa.Column('status', sa.String(length=20), nullable=False),
    sa.Column('holder', sa.String(length=32), nullable=False),
    sa.Column('choices', sa.Text(), nullable=False),
    sa.Column('steps', sa.Text(), nullable=False),
    sa.Column('made', sa.Text(), nullable=False),
    sa.Column('started_by', sa.String(length=254), nullable=False),
    sa.Column('started_at', sa.BigInteger(), nullable=False),
    sa.Column('beat_at', sa.BigInteger(), nullable=False),
    sa.Column('finished_at', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organizations.id'], name=op.f('fk_setup_runs_organization_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_setup_runs')),
    sqlite_autoincrement=True
    )
    op.create_index(op.f('ix_setup_runs_organization_id_id'), 'setup_runs', ['organization_id', 'id'], unique=False)
    op.create_table('trial_logins',
    sa.Column('key_hash', sa.LargeBinary(length=32), nullable=False),
    sa.Column('name', sa.String(length=22), nullable=False),
    sa.Column('organization_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('subject', sa.String(length=10), nullable=False),
    sa.Column('app', sa.String(length=10), nullable=False),
    sa.Column('fingerprint', sa.String(length=64), nullable=False),
    sa.Column('created_by', sa.String(length=254), nullable=False),
    sa.Column('user_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('browser_hash', sa.LargeBinary(length=32), nullable=True),
    sa.Column('tested_hash', sa.LargeBinary(length=32), nullable=True),
    sa.Column('status', sa.String(length=20), nullable=False),
    sa.Column('passed', sa.Boolean(), nullable=True),
    sa.Column('email', sa.String(length=254), nullable=True),
    sa.Column('stages', sa.Text(), nullable=False),
    sa.Column('reference', sa.String(length=20), nullable=True),
    sa.Column('state_hash', sa.LargeBinary(length=32), nullable=True),
    sa.Column('sign_out_hash', sa.LargeBinary(length=32), nullable=True),
    sa.Column('sealed_attempt', sa.LargeBinary(), nullable=True),
    sa.Column('sealed_tokens', sa.LargeBinary(), nullable=True),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('started_at', sa.BigInteger(), nullable=True),
    sa.Column('claimed_at', sa.BigInteger(), nullable=True),
    sa.Column('finished_at', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organizations.id'], name=op.f('fk_trial_logins_organization_id')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_trial_logins_user_id')),
    sa.PrimaryKeyConstraint('key_hash', name=op.f('pk_trial_logins')),
    sa.UniqueConstraint('name', name=op.f('uq_trial_logins_name')),
    sa.UniqueConstraint('state_hash', name=op.f('uq_trial_logins_state_hash')),
    sa.UniqueConstraint('sign_out_hash', name=op.f('uq_trial_logins_sign_out_hash')),
    sqlite_with_rowid=False
    )
    op.create_index(op.f('ix_trial_logins_organization_id_created_at'), 'trial_logins', ['organization_id', 'created_at'], unique=False)


def downgrade() -> None:
    for table in (
        'trial_logins',
        'setup_runs',
        'setup_links',
        'recovery_codes',
        'password_links',
        'okta_only',
        'integration_versions',
        'integration_drafts',
        'guide_progress',
        'check_watches',
        'check_runs',
        'mails',
    ):
        op.drop_table(table)
