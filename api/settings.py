"""Every setting there is: one frozen class, read once, in `compose`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.thresholds import Severity
from ledger.urls import sqlite_path


class Settings(BaseSettings):
    """Read from the environment: the setting `database_url` is `ITSM_LEDGER_DATABASE_URL`."""

    model_config = SettingsConfigDict(
        env_prefix="ITSM_LEDGER_", frozen=True, hide_input_in_errors=True
    )

    database_url: str = Field(
        "sqlite:///ledger.db",
        description="The log: `sqlite:///FILE` or `postgresql://USER@HOST/NAME`.",
    )
    vault_url: str | None = Field(
        None,
        description="The keys of personal values, never in the log's database or its backups. "
        "Default: an SQLite file beside the log's, or `ledger.vault.db` here.",
    )
    views_url: str | None = Field(
        None,
        description="Read models. Default: an SQLite file beside the log's, or the log's own PostgreSQL database.",
    )
    deliveries_url: str | None = Field(
        None,
        description="What was delivered to webhooks. Default: an SQLite file beside the log's, or the read models' "
        "PostgreSQL database.",
    )
    webhook_allow_private: bool = Field(
        False,
        description="Deliver to private addresses and without https as well. For development only.",
    )
    smtp_url: SecretStr | None = Field(
        None,
        description="Where findings are mailed through: `smtp://USER:PASSWORD@HOST:587`, or `smtps://…`.",
    )
    mail_from: str | None = Field(None, description="The sender of mails.")
    mail_to: str | None = Field(
        None, description="Who is mailed: addresses with spaces in between."
    )
    mail_severity: Severity = Field(
        "high", description="The least severity that a finding is mailed with."
    )
    key_file: Path | None = Field(
        None,
        description="The Ed25519 key that signs checkpoints, mode 0600. Default: beside the log.",
    )
    master_key_file: Path | None = Field(
        None, description="The key that wraps the vault's keys, mode 0600. Default: beside the log."
    )
    master_key: SecretStr | None = Field(
        None, description="The same as base64 text; wins over the file."
    )
    checkpoint_copies: Path | None = Field(
        None,
        description="A directory elsewhere that keeps a copy of each checkpoint. "
        "A database behind that copy refuses to start.",
    )
    archive: str | None = Field(
        None,
        description="Where the log's archive lies, a directory or a URI such as `s3://bucket/prefix`: questions about the "
        "whole estate are answered from it.",
    )
    token: SecretStr | None = Field(
        None,
        description="The token the command line acts with. Without it: the local operator.",
    )
    host: str = Field("127.0.0.1", description="The address `serve` listens on.")
    port: int = Field(8420, ge=0, le=65535, description="The port `serve` listens on.")
    body_limit_bytes: int = Field(
        1_048_576, ge=1024, description="The largest request body that is read."
    )
    batch_limit_events: int = Field(
        1_000, ge=1, description="The most events in one CloudEvents batch."
    )
    connection_limit: int = Field(
        1_000, ge=1, description="Connections served at once; beyond it a client gets 503."
    )
    checkpoint_seconds: float = Field(
        1.0, gt=0, description="How often `serve` publishes a checkpoint while the log grows."
    )

    oidc_issuers: str | None = Field(
        None,
        description="The OpenID Connect issuers whose bearer tokens are taken: URLs with spaces in between.",
    )
    oidc_audience: str | None = Field(
        None, description="What such a token must name as its audience (`aud`): this ledger."
    )
    oidc_skew_seconds: int = Field(
        60, ge=0, le=300, description="How far an issuer's clock may be from ours."
    )
    oidc_keys_seconds: int = Field(
        600, ge=1, description="How long an issuer's keys serve at most once they were fetched."
    )
    oidc_scopes: str = Field(
        "*:read *:append *:administer personal",
        description="The scopes that such a token has: what its principal may do is decided by policy.",
    )

    def beside_log(self, suffix: str) -> Path:
        """`ledger.key` for `sqlite:///ledger.db`; in the working directory for PostgreSQL."""
        path = sqlite_path(self.database_url)
        return path.with_name(path.stem + suffix) if path else Path("ledger" + suffix)

    @property
    def resolved_vault_url(self) -> str:
        return self.vault_url or f"sqlite:///{self.beside_log('.vault.db')}"

    @property
    def resolved_views_url(self) -> str:
        if self.views_url:
            return self.views_url
        if sqlite_path(self.database_url):
            return f"sqlite:///{self.beside_log('.views.db')}"
        return self.database_url

    @property
    def resolved_deliveries_url(self) -> str:
        if self.deliveries_url:
            return self.deliveries_url
        views = self.resolved_views_url
        path = sqlite_path(views)
        if path is None:
            return views
        # Beside the file of the read models, wherever that is: a working directory may be a container's.
        return f"sqlite:///{path.with_name(path.stem.removesuffix('.views') + '.deliveries.db')}"

    @property
    def resolved_key_file(self) -> Path:
        return self.key_file or self.beside_log(".key")

    @property
    def resolved_master_key_file(self) -> Path:
        return self.master_key_file or self.beside_log(".master.key")
