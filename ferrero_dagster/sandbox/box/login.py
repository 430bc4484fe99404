"""Login by signed assertion (JWT), and the `Box-config.json` that a client needs for it."""

import json
import secrets
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
)
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ferrero_dagster.sandbox.box.settings import BoxSettings
from ferrero_dagster.sandbox.box.store import BoxStore
from ferrero_dagster.sandbox.box.tokens import ACCESS

#: Constant in the SDK, whatever the address of the server is.
_AUDIENCE = "https://api.box.com/oauth2/token"
_GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LONGEST_ASSERTION_S = 60
_CONFIG_FILE = "Box-config.json"
_PUBLIC_KEY_FILE = "public_key.pem"


def write_box_config(store: BoxStore, path: Path) -> None:
    """Write the `Box-config.json` with which a client logs in to this store's Box; the same one every time."""
    kept = store.state_dir / _CONFIG_FILE
    if not kept.exists():
        _create_app(store.state_dir)
    if path != kept:
        _write_secret(path, kept.read_text())


def _create_app(state_dir: Path) -> None:
    key = generate_private_key(public_exponent=65537, key_size=2048)
    passphrase = secrets.token_hex(16)
    private_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase.encode()))
    public_pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    app_auth = {"publicKeyID": secrets.token_hex(4), "privateKey": private_pem.decode(), "passphrase": passphrase}
    app = {"clientID": secrets.token_hex(16), "clientSecret": secrets.token_hex(16), "appAuth": app_auth}
    (state_dir / _PUBLIC_KEY_FILE).write_bytes(public_pem)
    config = {"boxAppSettings": app, "enterpriseID": BoxSettings().enterprise_id}
    _write_secret(state_dir / _CONFIG_FILE, json.dumps(config, indent=2))


def _write_secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


class Login:
    """The token endpoint."""

    def __init__(self, store: BoxStore, settings: BoxSettings) -> None:
        self._store = store
        self._settings = settings
        self._used: set[str] = set()
        self.routes = [Route("/oauth2/token", self.token, methods=["POST"])]

    async def token(self, request: Request) -> Response:
        """An access token for an assertion signed with the app's key; 400 `invalid_grant` with a reason otherwise."""
        form = {name: str(value) for name, value in (await request.form()).items()}
        try:
            self._check(form)
        except jwt.PyJWTError as error:
            return JSONResponse({"error": "invalid_grant", "error_description": str(error)}, 400)
        lifetime_s = self._settings.token_lifetime_s
        token = self._store.tokens.issue(ACCESS, lifetime_s)
        return JSONResponse(
            {"access_token": token, "expires_in": int(lifetime_s), "restricted_to": [], "token_type": "bearer"}
        )

    def _check(self, form: dict[str, str]) -> None:
        config_file = self._store.state_dir / _CONFIG_FILE
        config = json.loads(config_file.read_text()) if config_file.exists() else {"boxAppSettings": {}}
        app: dict[str, Any] = config["boxAppSettings"]
        if form.get("grant_type") != _GRANT_TYPE:
            raise jwt.InvalidTokenError("Unsupported grant type")
        if (form.get("client_id"), form.get("client_secret")) != (app.get("clientID"), app.get("clientSecret")):
            raise jwt.InvalidTokenError("The client credentials are invalid")
        claims = jwt.decode(
            form.get("assertion", ""),
            (self._store.state_dir / _PUBLIC_KEY_FILE).read_bytes(),
            algorithms=["RS256"],
            audience=_AUDIENCE,
            issuer=app["clientID"],
            subject=config["enterpriseID"],
            options={"require": ["aud", "exp", "iss", "jti", "sub"]},
        )
        if claims["exp"] > time.time() + _LONGEST_ASSERTION_S:
            raise jwt.InvalidTokenError("The assertion may be valid for 60 seconds at most")
        if claims["jti"] in self._used:
            raise jwt.InvalidTokenError("The jti was used before")
        self._used.add(claims["jti"])
