"""Tokens that sessions have left behind, until Okta has taken them back; deletions that are not finished

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op


revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('left_tokens',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('organization_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('issuer', sa.String(length=300), nullable=False),
    sa.Column('client_id', sa.String(length=255), nullable=False),
    sa.Column('name', sa.LargeBinary(length=32), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=False),
    sa.Column('why', sa.String(length=40), nullable=False),
    sa.Column('reference', sa.String(length=20), nullable=False),
    sa.Column('left_at', sa.BigInteger(), nullable=False),
    sa.Column('try_at', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id'], ['organizations.id'], name=op.f('fk_left_tokens_organization_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_left_tokens')),
    sqlite_autoincrement=True
    )
    op.create_index('ix_left_tokens_try_at', 'left_tokens', ['try_at'])
    op.create_index('ix_left_tokens_organization_id_try_at', 'left_tokens', ['organization_id', 'try_at'])
    op.create_index('ix_left_tokens_name', 'left_tokens', ['name'])
    op.create_table('unfinished_deletions',
    sa.Column('integration_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('organization_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('first', sa.String(length=254), nullable=False),
    sa.Column('reference', sa.String(length=20), nullable=False),
    sa.Column('deleted_at', sa.BigInteger(), nullable=False),
    sa.Column('mails', sa.Boolean(), nullable=False),
    sa.Column('after_user_id', sa.BigInteger(), nullable=False),
    sa.Column('written', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['integration_id'], ['integrations.id'],
        name=op.f('fk_unfinished_deletions_integration_id')),
    sa.ForeignKeyConstraint(['organization_id'], ['organizations.id'],
        name=op.f('fk_unfinished_deletions_organization_id')),
    sa.PrimaryKeyConstraint('integration_id', name=op.f('pk_unfinished_deletions'))
    )


def downgrade() -> None:
    op.drop_table('unfinished_deletions')
    op.drop_table('left_tokens')
