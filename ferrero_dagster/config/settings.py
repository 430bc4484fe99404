"""Addresses and secrets, from the environment (SPEC 11); `.env` in the working directory is read in development."""

import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ferrero_dagster.config.values import postgres_parts
from ferrero_dagster.domain.errors import ConfigurationError
from ferrero_dagster.domain.mail_addresses import MailAddress, once_each, read_addresses

DamGrant = Literal["password", "client_credentials"]
DamAuth = Literal["oauth2", "mtls", "oauth2+mtls"]
MailSecurity = Literal["none", "starttls", "tls"]
_PATH = re.compile(r"(/[\w.~-]+)+")


class Settings(BaseSettings):
    """Every environment variable of the project, typed. Secrets show as `**********` wherever they are printed."""

    model_config = SettingsConfigDict(
        env_prefix="FERRERO_",
        env_file=".env",
        env_file_encoding="utf-8-sig",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    database_url: SecretStr = Field(
        SecretStr(""), description="tracking database, postgresql://user:password@host:port/name"
    )
    site_config: Path | None = Field(None, description="site configuration; the shipped one if unset")
    temp_dir: Path | None = Field(None, description="where files rest in transit; the system's if unset")
    sensors: Literal["stopped", "running"] = "stopped"
    campaign_poll_seconds: int = Field(180, ge=1)
    agency_poll_seconds: int = Field(60, ge=1)
    dagster_url: str = Field("http://127.0.0.1:3000", description="address of the Dagster UI, for links in mails")

    dam_url: str = Field("", description="base address of the DAM, without /otmmapi/v6")
    dam_auth: DamAuth = "oauth2"
    dam_api_path: str = Field("/otmmapi", description="what stands before /v6 in the DAM's addresses")
    dam_token_url: str = Field("", description="whole address that gives tokens; OTMM's own if unset")
    dam_grant: DamGrant | None = Field(None, description="password where a user name is set, else client_credentials")
    dam_client_id: str = ""
    dam_client_secret: SecretStr = SecretStr("")
    dam_username: str = ""
    dam_password: SecretStr = SecretStr("")
    dam_pfx_path: Path | None = None
    dam_pfx_password: SecretStr = SecretStr("")
    dam_ca_bundle: Path | None = None

    box_config: Path = Path("../Box-config.json")
    box_api_url: str = "https://api.box.com"
    box_upload_url: str = "https://upload.box.com/api"
    box_oauth_url: str = "https://account.box.com/api/oauth2"
    box_web_url: str = Field("https://app.box.com", description="for links to files and folders")
    box_uploads_per_minute: int = Field(240, ge=0)
    box_calls_per_minute: int = Field(1000, ge=0)
    box_as_users: str = Field("", description="ids of Box users as whom files are uploaded in turn, comma-separated")
    box_folder_local_masters: str | None = None
    box_folder_global_masters: str | None = None
    box_folder_agency_uploads: str | None = None

    smtp_host: str = Field("", description="mail server")
    smtp_port: int = Field(587, ge=1, le=65535)
    smtp_username: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_security: MailSecurity = "starttls"
    mail_from: str = Field("", description="sender of our mails")
    mail_to: str = Field("", description="who gets the success mails and the daily report, comma-separated")
    mail_errors_to: str = Field(
        "", description="who gets the mails that need a person, also such a daily report, comma-separated"
    )

    make_webhook_url: SecretStr | None = Field(None, description="Make.com; unset: no webhook")

    @field_validator(
        "dam_url", "dam_token_url", "box_api_url", "box_upload_url", "box_oauth_url", "box_web_url", "dagster_url"
    )
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        if url and not url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            raise ValueError("expected an https:// address (http:// only for 127.0.0.1)")
        return url.rstrip("/")

    @field_validator("dam_api_path")
    @classmethod
    def _is_a_path(cls, path: str) -> str:
        path = path.rstrip("/").removesuffix("/v6")
        if path and not _PATH.fullmatch(path):
            raise ValueError("expected a path such as /otmmapi, without address and /v6")
        return path

    @field_validator("box_as_users")
    @classmethod
    def _has_ids(cls, text: str) -> str:
        if not re.fullmatch(r"\s*(\d+\s*(,\s*\d+\s*)*)?", text, re.ASCII):
            raise ValueError(f"expected ids of Box users such as 12345678, 87654321; found {text!r}")
        return text

    @field_validator("database_url")
    @classmethod
    def _is_a_database(cls, url: SecretStr) -> SecretStr:
        if url.get_secret_value():
            postgres_parts(url.get_secret_value())
        return url

    @field_validator("mail_from", "mail_to", "mail_errors_to")
    @classmethod
    def _has_mail_addresses(cls, text: str, info: ValidationInfo) -> str:
        # For one that no mail server takes all mails would wait.
        if text and len(read_addresses(text)) > 1 and info.field_name == "mail_from":
            raise ValueError(f"expected one mail address, found {text!r}")
        return text

    @field_validator("make_webhook_url")
    @classmethod
    def _is_a_webhook(cls, url: SecretStr | None) -> SecretStr | None:
        if url:
            cls._is_an_address(url.get_secret_value())
        return url

    @property
    def box_users(self) -> tuple[str, ...]:
        """As whom files are uploaded; empty: as the service account."""
        return tuple(dict.fromkeys(re.findall(r"\d+", self.box_as_users)))

    def box_folder(self, name: str) -> str | None:
        """The id that the environment gives the Box folder of this name, if it gives one."""
        return getattr(self, f"box_folder_{name}", None)

    @cached_property
    def recipients(self) -> dict[str, tuple[MailAddress, ...]]:
        """Mail addresses by audience: `notifications`, `errors`, and `everybody`, each address once."""
        lists = {"notifications": self.mail_to, "errors": self.mail_errors_to}
        addresses = {name: read_addresses(text) if text else () for name, text in lists.items()}
        return addresses | {"everybody": once_each(addresses["errors"] + addresses["notifications"])}

    def require(self, *names: str) -> "Settings":
        """These settings, for a part of the project that cannot do without the named ones.

        Raises:
            ConfigurationError: some are not set; one sentence names them all.
        """
        values = {name: getattr(self, name) for name in names}
        missing = [
            _variable(n) for n, v in values.items() if not (v.get_secret_value() if isinstance(v, SecretStr) else v)
        ]
        if missing:
            raise ConfigurationError(
                f"Not set in the environment: {', '.join(missing)}; set it as .env.example shows and start again."
            )
        return self


def load_settings(**overrides: Any) -> Settings:
    """The settings as the environment has them.

    Raises:
        ConfigurationError: a variable has a wrong value; one sentence names it and what was expected.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise ConfigurationError(f"Wrong setting in the environment: {problems_in(error, _variable)}.") from None


def problems_in(error: ValidationError, shown: Callable[[str], str] = str) -> str:
    """What is wrong with each setting and what was expected, its dotted path as `shown`."""
    problems = error.errors(include_input=False, include_url=False)
    return "; ".join(f"{shown('.'.join(map(str, p['loc'])))}: {_expected(p['type'], p['msg'])}" for p in problems)


def _expected(kind: str, message: str) -> str:
    if kind in {"extra_forbidden", "unexpected_keyword_argument"}:
        return "no such setting; site.yaml in the package lists all of them"
    if kind in {"missing", "missing_argument"}:
        return "is missing"
    return message.removeprefix("Value error, ").replace("Input should be", "expected")


def _variable(field: str) -> str:
    return f"FERRERO_{field.upper()}"
