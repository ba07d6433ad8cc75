"""Sessions that follow Okta: an organization's own limits, where and how somebody signed in, orders to end sessions

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op


revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('organizations', sa.Column('session_idle_seconds', sa.Integer(), nullable=True))
    op.add_column('organizations', sa.Column('session_seconds', sa.Integer(), nullable=True))
    op.add_column('sessions', sa.Column('signed_in_at', sa.BigInteger(), nullable=True))
    op.add_column('sessions', sa.Column('network', sa.String(length=60), nullable=True))
    op.add_column('sessions', sa.Column('okta_sid', sa.String(length=255), nullable=True))
    with_sid = sa.text('okta_sid IS NOT NULL')
    op.create_index(
        op.f('ix_sessions_okta_sid'),
        'sessions',
        ['okta_sid'],
        unique=False,
        sqlite_where=with_sid,
        postgresql_where=with_sid,
    )
    op.create_table('revocations',
    sa.Column('jti_hash', sa.LargeBinary(length=32), nullable=False),
    sa.Column('expires_at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('jti_hash', name=op.f('pk_revocations')),
    sqlite_with_rowid=False
    )
    op.create_index(op.f('ix_revocations_expires_at'), 'revocations', ['expires_at'], unique=False)


def downgrade() -> None:
    op.drop_table('revocations')
    op.drop_index(op.f('ix_sessions_okta_sid'), table_name='sessions')
    with op.batch_alter_table('sessions', schema=None) as batch_op:
        for column in ('okta_sid', 'network', 'signed_in_at'):
            batch_op.drop_column(column)
    with op.batch_alter_table('organizations', schema=None) as batch_op:
        for column in ('session_seconds', 'session_idle_seconds'):
            batch_op.drop_column(column)
