"""A value that nobody may see: redacted wherever Python would show it."""

from typing import Never, NoReturn

REDACTED = "[secret]"


class Secret:
    """A secret value. `reveal` is the only way to it; grep for ``reveal(`` finds every place that uses one.

    It has no equality, hash or length, cannot be formatted, pickled, copied or iterated.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself. Hand it to the one place that needs it; store it nowhere."""
        return self._value

    def __repr__(self) -> str:
        return REDACTED

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return REDACTED

    def __eq__(self, other: object) -> Never:
        raise TypeError("secrets are not compared")

    __hash__ = None  # type: ignore[assignment]  # unhashable on purpose: no secret becomes a dictionary key

    def __reduce__(self) -> NoReturn:
        raise TypeError("secrets are neither pickled nor copied")
