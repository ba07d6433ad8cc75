"""Activity that can be searched and counted, domains that are claimed, invitations

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op


revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('activity_counts',
    sa.Column('organization_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('through_day', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id'], ['organizations.id'], name=op.f('fk_activity_counts_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', name=op.f('pk_activity_counts'))
    )
    op.create_table('activity_days',
    sa.Column('organization_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('day', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('what', sa.String(length=60), nullable=False),
    sa.Column('cause', sa.String(length=60), nullable=False),
    sa.Column('times', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id'], ['organizations.id'], name=op.f('fk_activity_days_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'day', 'what', 'cause', name=op.f('pk_activity_days')),
    sqlite_with_rowid=False
    )
    op.create_table('invitations',
    sa.Column('organization_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=False),
    sa.Column('role', sa.String(length=20), nullable=False),
    sa.Column('token_hash', sa.LargeBinary(length=32), nullable=False),
    sa.Column('invited_by', sa.String(length=254), nullable=False),
    sa.Column('invited_by_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('expires_at', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['invited_by_id'], ['users.id'], name=op.f('fk_invitations_invited_by_id')),
    sa.ForeignKeyConstraint(['organization_id'], ['organizations.id'], name=op.f('fk_invitations_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'email', name=op.f('pk_invitations')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_invitations_token_hash')),
    sqlite_with_rowid=False
    )
    op.create_table('domain_claims',
    sa.Column('organization_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.String(length=253), nullable=False),
    sa.Column('token', sa.String(length=64), nullable=False),
    sa.Column('created_by', sa.String(length=254), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('checked_at', sa.BigInteger(), nullable=True),
    sa.Column('found', sa.String(length=20), nullable=False),
    sa.ForeignKeyConstraint(['organization_id'], ['organizations.id'], name=op.f('fk_domain_claims_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'name', name=op.f('pk_domain_claims')),
    sqlite_with_rowid=False
    )
    op.add_column('activity', sa.Column('cause', sa.String(length=60), nullable=True))
    op.create_index('ix_activity_organization_id_at_id', 'activity', ['organization_id', 'at', 'id'])
    op.create_index('ix_activity_organization_id_what_at', 'activity', ['organization_id', 'what', 'at'])
    op.create_index('ix_activity_organization_id_who_at', 'activity', ['organization_id', 'who', 'at'])
    op.drop_index('ix_activity_organization_id_id', 'activity')


def downgrade() -> None:
    op.create_index('ix_activity_organization_id_id', 'activity', ['organization_id', 'id'])
    for index in ('who_at', 'what_at', 'at_id'):
        op.drop_index(f'ix_activity_organization_id_{index}', 'activity')
    with op.batch_alter_table('activity', schema=None) as batch_op:
        batch_op.drop_column('cause')
    op.drop_table('domain_claims')
    op.drop_table('invitations')
    op.drop_table('activity_days')
    op.drop_table('activity_counts')
