"""What a configuration file declares, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from llm_connect.config.caller_config import Callers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_connect.config.profiles import Profile
    from llm_connect.config.toml_lines import TomlLines
    from llm_connect.providers.port import ProviderConfig

PERIODS = ("day", "month", "total")
EACH = "*"


@dataclass(frozen=True)
class Limits:
    """Limits of one process: concurrent calls, waiting calls, and the size of a request body in bytes."""

    max_concurrency: int = 256
    max_queue: int = 1024
    max_body_bytes: int = 4 * 1024 * 1024


@dataclass(frozen=True)
class Budget:
    """A limit for a period. `profile` and `caller`: None counts all of them together, `*` each one separately."""

    period: str
    profile: str | None = None
    caller: str | None = None
    tokens: int | None = None
    usd: float | None = None


@dataclass(frozen=True)
class AuditConfig:
    """Where audit records go, and whether they contain prompts and answers."""

    file: str | None = None
    content: bool = False


@dataclass(frozen=True)
class Configuration:
    """The whole file; `lines` finds the line of a field, and is None without a file."""

    profiles: Mapping[str, Profile]
    providers: Mapping[str, ProviderConfig]
    limits: Limits = field(default_factory=Limits)
    callers: Callers = field(default_factory=Callers)
    budgets: tuple[Budget, ...] = ()
    audit: AuditConfig = field(default_factory=AuditConfig)
    lines: TomlLines | None = None
