"""Tokens that open something for a while: access tokens, and the addresses from which content is fetched."""

import secrets
import time

from ferrero_dagster.sandbox.box.database import Database

ACCESS = "access"


class Tokens:
    """Issued tokens and what each is good for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def issue(self, purpose: str, lifetime_s: float) -> str:
        """A new token."""
        token = secrets.token_urlsafe(24)
        self._database.insert("INSERT INTO tokens VALUES (?, ?, ?)", token, purpose, time.time() + lifetime_s)
        return token

    def purpose(self, token: str) -> str | None:
        """What the token is good for; None where it is unknown or has expired."""
        row = self._database.row("SELECT purpose FROM tokens WHERE token = ? AND expires_at > ?", token, time.time())
        return row["purpose"] if row else None

    def expire(self) -> None:
        """No access token is good any more."""
        self._database.change("DELETE FROM tokens WHERE purpose = ?", ACCESS)
