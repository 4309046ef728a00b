"""How the databases say that something which may be there once is there already."""

from sqlalchemy.exc import IntegrityError

TAKEN = frozenset({"23505", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"})


def is_taken(error: IntegrityError) -> bool:
    """Whether two wrote the same thing at the same moment, and the database kept the first. All else is a fault."""
    return (getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorname", "")) in TAKEN
