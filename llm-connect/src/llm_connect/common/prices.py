"""What a model costs."""

from __future__ import annotations

from dataclasses import dataclass

NANO = 1_000_000_000
_MILLION = 1_000_000


@dataclass(frozen=True)
class Prices:
    """Prices in USD: per million prompt tokens, per million completion tokens, and per request."""

    prompt: float
    completion: float
    request: float = 0.0

    def nano_usd(self, prompt_tokens: int, completion_tokens: int) -> int:
        """The price of one call in billionths of a USD, rounded up."""
        tokens = prompt_tokens * self.prompt + completion_tokens * self.completion
        return -int(-(tokens / _MILLION + self.request) * NANO // 1)
