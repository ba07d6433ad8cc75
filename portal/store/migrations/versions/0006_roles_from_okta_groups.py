"""Roles from Okta's groups: which role a group gives, and the claim that names somebody's groups

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op


revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('group_roles',
    sa.Column('organization_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('group_name', sa.String(length=255), nullable=False),
    sa.Column('role', sa.String(length=20), nullable=False),
    sa.ForeignKeyConstraint(['organization_id'], ['organizations.id'], name=op.f('fk_group_roles_organization_id')),
    sa.PrimaryKeyConstraint('organization_id', 'group_name', name=op.f('pk_group_roles')),
    sqlite_with_rowid=False
    )
    op.add_column('organizations', sa.Column('groups_claim', sa.String(length=100), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('organizations', schema=None) as batch_op:
        batch_op.drop_column('groups_claim')
    op.drop_table('group_roles')
