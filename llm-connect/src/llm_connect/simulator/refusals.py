"""A request that the simulator refuses."""

from __future__ import annotations

from llm_connect.simulator.failures import error_body


class Refused(Exception):
    """An error in OpenRouter's shape."""

    def __init__(self, code: int, message: str, error_type: str) -> None:
        super().__init__(message)
        self.code = code
        self.body = error_body(code, message, error_type)
