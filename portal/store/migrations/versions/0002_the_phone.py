"""The phone: its sessions, refresh tokens, logins under way, and the keys of POINT's own tokens

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op


revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('sessions', sa.Column('kind', sa.String(length=10), nullable=False, server_default='web'))
    op.add_column('sessions', sa.Column('device', sa.String(length=200), nullable=True))
    op.add_column('sessions', sa.Column('dpop_jkt', sa.String(length=43), nullable=True))
    op.add_column('sessions', sa.Column('opened_by', sa.LargeBinary(length=32), nullable=True))
    op.add_column('sessions', sa.Column('proving_until', sa.BigInteger(), nullable=True))
    op.create_table('refresh_tokens',
    sa.Column('token_hash', sa.LargeBinary(length=32), nullable=False),
    sa.Column('session_hash', sa.LargeBinary(length=32), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('used_at', sa.BigInteger(), nullable=True),
    sa.Column('answer', sa.LargeBinary(), nullable=True),
    sa.ForeignKeyConstraint(['session_hash'], ['sessions.id_hash'], name=op.f('fk_refresh_tokens_session_hash'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('token_hash', name=op.f('pk_refresh_tokens')),
    sqlite_with_rowid=False
    )
    op.create_index(op.f('ix_refresh_tokens_session_hash'), 'refresh_tokens', ['session_hash'], unique=False)
    op.create_table('native_attempts',
    sa.Column('state_hash', sa.LargeBinary(length=32), nullable=False),
    sa.Column('purpose', sa.String(length=10), nullable=False),
    sa.Column('flow', sa.String(length=10), nullable=False),
    sa.Column('organization_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('code_challenge', sa.String(length=43), nullable=False),
    sa.Column('sealed_attempt', sa.LargeBinary(), nullable=False),
    sa.Column('status', sa.String(length=10), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('opened_at', sa.BigInteger(), nullable=True),
    sa.Column('returned_at', sa.BigInteger(), nullable=True),
    sa.Column('ended_at', sa.BigInteger(), nullable=True),
    sa.Column('link_hash', sa.LargeBinary(length=32), nullable=True),
    sa.Column('answer', sa.LargeBinary(), nullable=True),
    sa.Column('failure', sa.String(length=100), nullable=True),
    sa.Column('code_hash', sa.LargeBinary(length=32), nullable=True),
    sa.Column('code_at', sa.BigInteger(), nullable=True),
    sa.Column('web_session', sa.LargeBinary(length=32), nullable=True),
    sa.Column('began_session', sa.Boolean(), nullable=True),
    sa.ForeignKeyConstraint(['organization_id'], ['organizations.id'], name=op.f('fk_native_attempts_organization_id')),
    sa.PrimaryKeyConstraint('state_hash', name=op.f('pk_native_attempts')),
    sqlite_with_rowid=False
    )
    op.create_index(op.f('ix_native_attempts_created_at'), 'native_attempts', ['created_at'], unique=False)
    op.create_table('signing_keys',
    sa.Column('kid', sa.String(length=43), nullable=False),
    sa.Column('sealed_key', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('use_from', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('kid', name=op.f('pk_signing_keys')),
    sqlite_with_rowid=False
    )
    op.create_table('dpop_proofs',
    sa.Column('proof_hash', sa.LargeBinary(length=32), nullable=False),
    sa.Column('seen_at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('proof_hash', name=op.f('pk_dpop_proofs')),
    sqlite_with_rowid=False
    )


def downgrade() -> None:
    for table in ('dpop_proofs', 'signing_keys', 'native_attempts', 'refresh_tokens'):
        op.drop_table(table)
    with op.batch_alter_table('sessions', schema=None) as batch_op:
        for column in ('proving_until', 'opened_by', 'dpop_jkt', 'device', 'kind'):
            batch_op.drop_column(column)
