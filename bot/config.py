"""Settings from one TOML file. A misspelt key stops the start and names itself; nothing else reads settings."""

import tomllib
from pathlib import Path
from tempfile import TemporaryFile
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bot.errors import ConfigError

DATA = Path("data")
TELEGRAM = "https://api.telegram.org/bot"
FREE_A_SECOND = 30  # messages; more a second cost Stars, https://core.telegram.org/bots/faq (broadcasting)
WEBHOOK_PORTS = (443, 80, 88, 8443)
CONTENT = Path(__file__).resolve().parent.parent / "content"


_HOUR = r"^([01]?\d|2[0-3]):[0-5]\d$"


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid")


class OfficeSettings(Section):
    """Who the bot speaks for."""

    name: str = "青石街道"
    timezone: str = "Asia/Shanghai"
    language: str = "zh_CN"
    opens: str = Field(default="8:30", pattern=_HOUR)
    duty_phone: str = ""
    outside_phone: str = "12388"  # where staff can be complained about outside the office
    closes: str = Field(default="17:30", pattern=_HOUR)

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f"no time zone {name}")
        return name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class DatabaseSettings(Section):
    url: str = f"sqlite:///{DATA}/huiyin.db"


class SecuritySettings(Section):
    key_file: Path = DATA / "huiyin.keys"


class FileSettings(Section):
    folder: Path = DATA / "files"

    def make_folder(self) -> None:
        """Finds out at the start, not with the first photo, whether files can be kept there."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            raise ConfigError(f"files.folder: {self.folder} cannot be used: {error.strerror}") from None


class TelegramSettings(Section):
    """`base_url` and `base_file_url` as PTB means them: the token is appended directly."""

    token: str | None = None
    token_file: Path | None = None
    base_url: str = TELEGRAM
    base_file_url: str = "https://api.telegram.org/file/bot"
    local_mode: bool = False  # a Bot API server on this machine hands files over by path
    mode: Literal["polling", "webhook"] = "polling"
    messages_a_second: int = Field(default=28, ge=1, le=1000)  # over all chats; above 30 the bot pays for more
    webhook_url: str | None = Field(default=None, validate_default=True)  # how Telegram reaches us, through a proxy
    webhook_host: str = "127.0.0.1"
    webhook_port: int = Field(default=8082, ge=0, le=65535)
    webhook_networks: list[IPvAnyNetwork] = []  # the only ones that may call; none given: all
    webhook_proxies: list[IPvAnyNetwork] = []  # those whose X-Forwarded-For is believed

    @field_validator("base_url", "base_file_url")
    @classmethod
    def _address(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("not a web address")
        return url

    @field_validator("webhook_url")
    @classmethod
    def _reachable(cls, url: str | None, info: ValidationInfo) -> str | None:
        """https on one of four ports; a Bot API server of one's own takes http too, https://core.telegram.org/bots/api#setwebhook."""
        if url is None:
            if info.data.get("mode") == "webhook":
                raise ValueError('needed with mode = "webhook"')
            return None
        is_own = info.data.get("base_url") != TELEGRAM
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ValueError("not a web address") from None
        if not parts.hostname or parts.scheme not in (("https", "http") if is_own else ("https",)):
            raise ValueError("must begin with https:// and a name")
        if parts.query or parts.fragment:
            raise ValueError("must not have ? or #")
        if not is_own and port not in (None, *WEBHOOK_PORTS):
            raise ValueError(f"Telegram calls the ports {', '.join(map(str, WEBHOOK_PORTS))} alone")
        return url

    @model_validator(mode="after")
    def _one_token(self) -> "TelegramSettings":
        if (self.token is None) == (self.token_file is None):
            raise ValueError("give either token or token_file")
        return self

    @property
    def pays(self) -> bool:
        """Whether it asks for more messages a second than are free."""
        return self.messages_a_second > FREE_A_SECOND

    def read_token(self) -> str:
        """The token itself; raises ConfigError without showing it."""
        if self.token_file is None:
            return self._checked(self.token or "")
        try:
            return self._checked(self.token_file.read_text("utf-8").strip())
        except OSError as error:
            raise ConfigError(f"telegram.token_file: cannot read {self.token_file}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ConfigError(f"telegram.token_file: {self.token_file} holds no bot token") from None

    def _checked(self, token: str) -> str:
        bot, colon, secret = token.partition(":")
        if not (bot.isascii() and bot.isdigit() and colon and len(secret) >= 10):
            key = "telegram.token" if self.token_file is None else "telegram.token_file"
            raise ConfigError(f"{key}: not a bot token (digits, a colon, letters)")
        return token

    def __repr__(self) -> str:
        return "TelegramSettings(…)"


class WebSettings(Section):
    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    url: str | None = None  # how people reach it, where a proxy stands before it

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str | None) -> str | None:
        parts = urlsplit(url or "http://x")
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError("must begin with http:// or https:// and a name")
        return url


class HealthSettings(Section):
    """Where `/healthz` and `/metrics` are served; nowhere without this section."""

    host: str = "127.0.0.1"
    port: int = Field(default=9180, ge=0, le=65535)


class LimitSettings(Section):
    """How much one person may bring, and when the disk is too full. Whoever comes to a limit is told in words."""

    messages_a_minute: int = Field(default=30, ge=1)
    messages_at_once: int = Field(default=60, ge=4)
    matters_a_day: int = Field(default=5, ge=1)
    files_a_case: int = Field(default=30, ge=1)
    additions_a_case: int = Field(default=300, ge=10)
    free_for_files: float = Field(default=10, ge=0, le=100)  # percent of the disk
    free_for_messages: float = Field(default=3, ge=0, le=100)


class RetentionSettings(Section):
    """Days that things are kept after they are over; what is older goes by night."""

    cases: int = Field(default=365, ge=30)  # the resident's words and files: as long as they may come back to it
    people: int = Field(default=365, ge=30)
    talks: int = Field(default=365, ge=1)
    set_aside: int = Field(default=14, ge=1)
    uncertain: int = Field(default=14, ge=1)
    queues: int = Field(default=14, ge=2)  # Telegram repeats an update for a day
    messages: int = Field(default=30, ge=1)
    copies: int = Field(default=35, ge=1)


class ContentSettings(Section):
    folder: Path = CONTENT


class Settings(BaseSettings):
    """All settings. Environment variables do not count: one file says it all."""

    model_config = SettingsConfigDict(extra="forbid")

    office: OfficeSettings = OfficeSettings()
    database: DatabaseSettings = DatabaseSettings()
    security: SecuritySettings = SecuritySettings()
    files: FileSettings = FileSettings()
    telegram: TelegramSettings | None = None
    web: WebSettings | None = WebSettings()
    limits: LimitSettings = LimitSettings()
    retention: RetentionSettings = RetentionSettings()
    health: HealthSettings | None = None
    content: ContentSettings = ContentSettings()

    def need_a_channel(self) -> None:
        if self.telegram is None and not (self.web and self.web.enabled):
            raise ConfigError("web.enabled: without the web chat and without [telegram] nobody could write")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def read_settings(path: Path | None) -> Settings:
    """The settings in a file, or the defaults; every fault is one line that names the key."""
    if path is None:
        return Settings()
    try:
        with path.open("rb") as file:
            stored = tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    try:
        return Settings(**stored)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_first_fault(error)}") from None


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_input=False, include_url=False)[0]
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"{key}: no such key"
    return f"{key}: {fault['msg'].removeprefix('Value error, ')}"
