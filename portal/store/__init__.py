"""DATA: what is stored, by SQLAlchemy Core. Knows no Flask and no network; the first argument of a function is the
connection, the second the organization that it is limited to."""
