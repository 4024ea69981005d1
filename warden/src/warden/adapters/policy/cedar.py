"""The policy gate: Cedar policies of the platform team, or the default that ships with warden.

Policies are the files ``<platform>/policies/access/*.cedar``; where there are none, the default permits declared
readers of a lane, declared identities of an actor, and nobody else. Whatever keeps a policy from being read, parsed or
evaluated is `Inconclusive`: Cedar itself would leave out a ``forbid`` that cannot be evaluated, and allow.

Of the package cedarpy only the native extension is loaded: 12 ms against 90 ms for the whole package, whose Python part
builds 200 dataclasses that are not needed here.
"""

import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import msgspec

from warden.adapters.catalog.discovery import expect_trusted
from warden.adapters.policy.cedar_entities import entities, principal_id, resource_type
from warden.adapters.policy.decision_id import decision_id
from warden.core.access.decision import Decision, Question
from warden.core.errors import Effect, Fault, Inconclusive
from warden.core.quoting import name, quoted
from warden.core.remedies import warden

DEFAULT = os.path.join(os.path.dirname(__file__), "default")
"""The folder of the default policy and of the schema, inside the package."""

_SCHEMA = "schema.cedarschema"
_ENDING = ".cedar"


class _Diagnostics(msgspec.Struct):
    reason: list[str] = []
    id_annotations_by_reason: dict[str, str] = {}
    errors: list[str] = []


class _Response(msgspec.Struct):
    """What the engine answers to one request."""

    decision: str
    diagnostics: _Diagnostics


class CedarPolicy:
    """The port Policy on the policies of one folder; `directory` may be missing, then the default holds."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self._policies: Any = None

    def decide(self, question: Question) -> Decision:
        """Allow or deny; a denial is asked once more with a reason, to say whether one would help."""
        reason = str(question.context.get("reason") or "").strip()
        first = self._evaluate(question, reason)
        effect = "allow" if first.decision == "Allow" else "deny"
        wants = effect == "deny" and not reason and self._evaluate(question, "-").decision == "Allow"
        found = first.diagnostics
        named = tuple(name(found.id_annotations_by_reason.get(each) or each) for each in found.reason)
        return Decision(
            id=decision_id(),
            effect="allow" if effect == "allow" else "deny",
            policies=named,
            message=f"{effect}, by {', '.join(named) or 'no policy that permits it'}",
            wants_reason=wants,
        )

    def _evaluate(self, question: Question, reason: str) -> _Response:
        if self._policies is None:  # parsed once: that takes longer than to decide
            text = "\n".join(text for _, text in policy_files(self.directory))
            self._policies = _engine().PolicySet.from_str(text)
        request = {
            "principal": {"type": "Identity", "id": principal_id(question.identity)},
            "action": {"type": "Action", "id": question.action},
            "resource": {"type": resource_type(question), "id": question.resource},
            "context": _json({**question.context, "reason": reason}),
        }
        try:
            (answer,) = _engine().is_authorized_batch([request], self._policies, _json(entities(question)), None, False)
            response = msgspec.json.decode(answer, type=_Response)
        except Exception as fault:  # noqa: BLE001 - whatever the engine raises, it did not allow
            raise self._undecided(str(fault)) from None
        if response.decision not in {"Allow", "Deny"} or response.diagnostics.errors:
            raise self._undecided("; ".join(response.diagnostics.errors) or response.decision)
        return response

    def _undecided(self, why: str) -> Inconclusive:
        return _unusable(self.directory, f"could not be decided ({quoted(why)})")


def policy_files(directory: str) -> list[tuple[str, str]]:
    """The (path, text) of the policies that hold: those of `directory`, or the default where it has none.

    Raises:
        Inconclusive: the folder or a file cannot be read, or is not Cedar.
        UsageError: others can change a file.
    """
    paths = _cedar_files(directory)
    expect_trusted(directory, paths)
    paths = paths or _cedar_files(DEFAULT)
    if not paths:
        raise _unusable(DEFAULT, "are gone from the installed package")
    found = []
    for path in paths:
        text = _read(path)
        try:
            _engine().PolicySet.from_str(text)
        except ValueError as fault:
            raise _unusable(path, f"do not parse ({quoted(str(fault))})") from None
        found.append((path, text))
    return found


def policy_faults(directory: str) -> list[Fault]:
    """Every fault of the folder's policies: not readable, not Cedar, not of the schema."""
    from warden.adapters.catalog.files import shown

    schema = _read(os.path.join(DEFAULT, _SCHEMA))
    try:
        paths = _cedar_files(directory)
    except Inconclusive as fault:
        return [Fault(shown(directory), 0, "", str(fault.problem))]
    return [Fault(shown(path), 0, "", message) for path in paths for message in _faults_of(path, schema)]


def _faults_of(path: str, schema: str) -> Sequence[str]:
    try:
        text = _read(path)
        _engine().PolicySet.from_str(text)
    except Inconclusive as fault:
        return [str(fault.problem)]
    except ValueError as fault:
        return [f"not a valid Cedar policy: {quoted(str(fault))}"]
    found = msgspec.json.decode(_engine().validate_policies(text, schema), type=dict[str, Any])
    return [quoted(str(each["error"])) for each in found["errors"]]


def unread_policies(directory: str) -> list[Fault]:
    """A warning for each file beside or below the folder that looks like a policy and is read by nobody."""
    from warden.adapters.catalog.files import shown

    read = {os.path.join(directory, name) for name in _names(directory) if name.endswith(_ENDING)}
    problem = f"is not read; an access policy is a file NAME{_ENDING} right in policies/access/"
    around = os.path.dirname(directory)
    found = [os.path.join(folder, name) for folder, _, names in sorted(os.walk(around)) for name in sorted(names)]
    return [
        Fault(shown(path), 0, "", problem, warning=True)
        for path in found
        if path not in read and _looks_like_a_policy(path, directory)
    ]


def replaced_policies(directory: str) -> list[Fault]:
    """A warning for each policy of the folder, where policy points decide in their place."""
    from warden.adapters.catalog.files import shown

    problem = "is not asked: access_policies in platform.yaml is replaced"
    try:
        return [Fault(shown(path), 0, "", problem, warning=True) for path in _cedar_files(directory)]
    except Inconclusive:
        return []


def _looks_like_a_policy(path: str, directory: str) -> bool:
    name = os.path.basename(path).lower()
    if name.endswith((".md", ".cedarschema", "~")):
        return False
    return "cedar" in name or (os.path.dirname(path) == directory and not name.startswith("."))


def _cedar_files(directory: str) -> list[str]:
    return [os.path.join(directory, name) for name in _names(directory) if name.endswith(_ENDING)]


def _names(directory: str) -> list[str]:
    """The names in the folder; none where there is no folder. A link that leads nowhere is an error."""
    try:
        return sorted(os.listdir(directory))
    except FileNotFoundError:
        if dangling := next(filter(os.path.islink, (os.path.dirname(directory), directory)), ""):
            raise _unusable(dangling, "cannot be read (a link to a directory that does not exist)") from None
        return []
    except OSError as fault:
        raise _unusable(directory, f"cannot be read ({os.strerror(fault.errno or 0).lower()})") from None


def _read(path: str) -> str:
    from warden.adapters.machine.regular_file import NotUsable, read_bytes

    try:
        return read_bytes(path).decode()
    except UnicodeDecodeError:
        raise _unusable(path, "are not UTF-8 text") from None
    except NotUsable as fault:
        raise _unusable(path, f"cannot be read ({fault})") from None


def _unusable(path: str, what: str) -> Inconclusive:
    return Inconclusive(
        f"the access policies in {path} {what}; what is not decided is not allowed",
        effect=Effect.NOTHING_READ,
        system="policy",
        subject=path,
        hint="fix them, then",
        remedy=(warden("catalog check"),),
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _engine() -> ModuleType:
    """Cedar's native extension, without the package around it where that works."""
    if found := sys.modules.get("cedarpy._internal"):
        return found
    return _extension() or _package()


def _package() -> ModuleType:
    from cedarpy import _internal

    return _internal


def _extension() -> ModuleType | None:
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    package = PathFinder.find_spec("cedarpy")
    folders = package.submodule_search_locations if package else None
    spec = PathFinder.find_spec("cedarpy._internal", folders) if folders else None
    if spec is None or spec.loader is None:
        return None
    try:
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
    except ImportError:
        return None
    # Whoever imports the package later gets this one: a native extension is initialised once.
    sys.modules["cedarpy._internal"] = module
    return module
