"""Alembic's environment; it stands apart from the rest."""
