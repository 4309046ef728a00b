"""Random words that open something, of which only the hash is kept."""

import hashlib
import secrets


def new_token() -> str:
    """256 random bits, for an address or a cookie."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """What is kept of a token; it needs no salt, for nobody can guess 256 bits."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()
