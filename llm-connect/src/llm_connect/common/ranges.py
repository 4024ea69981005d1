"""The values that a parameter may have, in one place for requests, the file and the environment."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """A closed range of numbers with its unit."""

    low: float
    high: float
    whole: bool = False
    unit: str = ""

    @property
    def allowed(self) -> str:
        """The range in words: `a whole number from 1 to 131072 (tokens)`."""
        kind = "a whole number" if self.whole else "a number"
        unit = f" ({self.unit})" if self.unit else ""
        return f"{kind} from {self.low:g} to {self.high:.7g}{unit}"

    def admits(self, value: object) -> bool:
        """Whether `value` is a number in this range; a bool is not a number here."""
        kinds = (int,) if self.whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            return False
        return self.low <= value <= self.high

    def parse(self, text: str) -> float | None:
        """The number in `text`, written as a plain decimal; None if it is not one, or not in this range."""
        if not re.fullmatch(r"[+-]?\d{1,12}(\.\d{1,12})?", text, re.ASCII):
            return None
        value = int(text) if self.whole and "." not in text else float(text)
        return value if math.isfinite(value) and self.admits(value) else None


TEMPERATURE = Range(0, 2)
MAX_TOKENS = Range(1, 131_072, whole=True, unit="tokens, reasoning included")
TIMEOUT_SECONDS = Range(0.1, 600, unit="seconds")
MAX_DEPTH = Range(0, 32, whole=True)
WAIT_SECONDS = Range(0.01, 3600, unit="seconds")
RETRIES = Range(0, 10, whole=True)
USD = Range(0, 1_000_000, unit="USD")
TOKENS = Range(1, 10**15, whole=True, unit="tokens")

# OpenRouter's own list; OpenRouter maps an effort that a model does not support to the nearest one that it does.
REASONING_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
LIMIT_FIELDS = ("max_tokens", "max_completion_tokens")

MODEL_ID = re.compile(r"~?[A-Za-z0-9][\w.-]{0,63}/[A-Za-z0-9][\w.:-]{0,127}", re.ASCII)
MODEL_ID_ALLOWED = "an OpenRouter model id, vendor/model"
ANY_MODEL_ID = re.compile(r"[A-Za-z0-9~][\w.:/@-]{0,199}", re.ASCII)
NAME_ALLOWED = "letters, digits and ._:/@-, at most 200"
ANY_MODEL_ID_ALLOWED = f"a model id: {NAME_ALLOWED}"
KEY_NAME = re.compile(r"[A-Za-z_]\w{0,99}", re.ASCII)
"""The name of an environment variable, or of a file in the key directory."""
