"""The sources ``prompt`` and ``manual``: a person makes the new value, at a provider that has no API for it.

    rotation: {every: 90d, source: prompt}
    rotation: {every: 90d, source: manual, settings: {create: https://console.example.com/keys, delete: same page}}

``prompt`` asks for the new value and goes on. ``manual`` also waits until a person has ended the old key. ``create``
and ``delete`` say where that is done; warden shows them and understands nothing of them.
"""

from collections.abc import Mapping, Sequence

from warden.adapters.sources.without_provider import WithoutProvider
from warden.core.errors import Effect, UsageError
from warden.core.rotation.provider import Capabilities, Carry, HumanTask, Intent, KeyId, Minted, SettingFault
from warden.core.secret import Secret
from warden.ports.http import HttpClient


class PersonSource(WithoutProvider):
    """Takes the value that a person brought."""

    def __init__(self, name: str, tasks: tuple[HumanTask, ...]) -> None:
        self._name = name
        self._tasks = tasks

    def capabilities(self) -> Capabilities:
        """Nobody can be asked, and a person has something to do."""
        return Capabilities(provider=False, human_needed=self._tasks)

    def mint(self, intent: Intent, _carry: Carry) -> Minted:
        """The value that was given. Raises `UsageError` where none was."""
        if intent.given is None:
            clause = f"{self._name} makes no value by itself: a person brings it"
            raise UsageError(clause, effect=Effect.NOTHING_DONE, system=f"source {self._name}", subject=intent.field)
        return Minted(key=KeyId(""), value=intent.given)


class PersonPlugin:
    """The plug-in: settings say where a person does each of these tasks."""

    needs_management = False

    def __init__(self, name: str, tasks: tuple[HumanTask, ...]) -> None:
        self._name = name
        self._tasks = tasks

    def faults(self, settings: Mapping[str, str]) -> Sequence[SettingFault]:
        """Unknown keys."""
        allowed = ", ".join(self._tasks)
        unknown = (key for key in settings if key not in self._tasks)
        return [SettingFault(key, f"unknown setting of {self._name}; allowed: {allowed}") for key in unknown]

    def source(self, _settings: Mapping[str, str], _management: Secret | None, _http: HttpClient) -> PersonSource:
        """A source that waits for a person."""
        return PersonSource(self._name, self._tasks)


PROMPT = PersonPlugin("prompt", ("create",))
MANUAL = PersonPlugin("manual", ("create", "delete"))
