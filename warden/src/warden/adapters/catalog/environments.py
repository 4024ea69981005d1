"""Which environment a command is for, and that it is the OpenBao that the caller's variables name.

By ``--env`` or WARDEN_ENV; else the environment that BAO_ADDR and BAO_NAMESPACE are of; else the only one. What is
chosen is set in this process's variables, where everything that asks OpenBao looks; variables that contradict it are an
error, so that what is proven of one environment is never taken for another. The embedded platform of this machine is
not an environment: any of them can be tried out there.
"""

import os
from collections.abc import Callable, MutableMapping
from typing import NamedTuple, NoReturn

from warden.adapters.openbao.endpoint import namespace, parse_address
from warden.core.errors import Effect, UsageError
from warden.core.lanes.environments import Environment


class Chosen(NamedTuple):
    """An environment and the address of its OpenBao; both empty where there is none."""

    name: str = ""
    address: str = ""


def enter(
    platform_dir: str, environ: MutableMapping[str, str], embedded: Callable[[], bool], *, required: bool
) -> Chosen:
    """Choose the environment and set its variables.

    Args:
        platform_dir: the platform directory.
        environ: this process's variables.
        embedded: answers whether BAO_ADDR is this machine's embedded platform.
        required: whether the command needs one, where the platform has any.

    Raises:
        UsageError: it is not declared, not clear, or not the OpenBao that the variables name.
        Invalid: ``platform.yaml`` has errors.
    """
    named = environ.get("WARDEN_ENV", "")
    declared = _declared(platform_dir)
    if not declared:
        if named:
            _refuse(
                f"platform.yaml declares no environments, and {named} was asked for", "leave --env and WARDEN_ENV out"
            )
        return Chosen()
    known = ", ".join(declared)
    if named and named not in declared:
        _refuse(f"{named} is not an environment of platform.yaml, which has {known}", "name one of them")
    given = environ.get("BAO_ADDR") or environ.get("VAULT_ADDR") or ""
    found = (
        named or _of_variables(given, environ, declared) or ("" if given or len(declared) > 1 else next(iter(declared)))
    )
    if given and not _is_at(declared.get(found), given, environ):
        if embedded():
            return Chosen(found, given)
        if found or required:
            _refuse(*_contradiction(found, given, environ, declared))
    if not found:
        if required:
            _refuse(
                f"the platform has the environments {known}, and none was named", "give --env NAME, or set WARDEN_ENV"
            )
        return Chosen()
    _set(found, declared[found], platform_dir, environ)
    return Chosen(found, declared[found].openbao)


def _declared(platform_dir: str) -> dict[str, Environment]:
    """The environments of ``platform.yaml``. It is parsed only where it may have some: that costs 25 ms."""
    try:
        with open(os.path.join(platform_dir, "platform.yaml"), "rb") as file:
            if b"environments" not in file.read(1 << 20):
                return {}
    except OSError:
        return {}
    from warden.adapters.catalog.files import load_platform

    return load_platform(platform_dir).environments


def _of_variables(given: str, environ: MutableMapping[str, str], declared: dict[str, Environment]) -> str:
    return next((name for name, each in declared.items() if given and _is_at(each, given, environ)), "")


def _is_at(environment: Environment | None, given: str, environ: MutableMapping[str, str]) -> bool:
    """Whether the variables name the environment's OpenBao and namespace."""
    if environment is None:
        return False
    there = str(parse_address(environment.openbao, "openbao in platform.yaml")).lower()
    here = str(parse_address(given, "BAO_ADDR" if environ.get("BAO_ADDR") else "VAULT_ADDR")).lower()
    return (there, environment.namespace.strip("/")) == (here, namespace(environ))


def _contradiction(
    found: str, given: str, environ: MutableMapping[str, str], declared: dict[str, Environment]
) -> tuple[str, str]:
    inside = f" in the namespace {namespace(environ)}" if namespace(environ) else ""
    if not found:
        return (
            f"BAO_ADDR is {given}{inside}, which is not one of the environments {', '.join(declared)}",
            "unset BAO_ADDR",
        )
    one = declared[found]
    there = f"{one.openbao}{f' in the namespace {one.namespace}' if one.namespace else ''}"
    return (
        f"the environment {found} is {there}, and BAO_ADDR is {given}{inside}",
        "unset BAO_ADDR and BAO_NAMESPACE, or name the environment that they are of",
    )


def _set(name: str, chosen: Environment, platform_dir: str, environ: MutableMapping[str, str]) -> None:
    environ["WARDEN_ENV"] = name
    if environ.get("BAO_ADDR") or environ.get("VAULT_ADDR"):
        return
    wanted, given = chosen.namespace.strip("/"), namespace(environ)
    if given and given != wanted:
        there = f"the namespace {wanted}" if wanted else "the root namespace"
        _refuse(f"the environment {name} is {there}, and BAO_NAMESPACE is {given}", "unset BAO_NAMESPACE")
    environ["BAO_ADDR"] = chosen.openbao
    if wanted:
        environ["BAO_NAMESPACE"] = wanted
    if chosen.openbao_ca and not environ.get("BAO_CACERT") and not environ.get("VAULT_CACERT"):
        from warden.adapters.catalog.authorities import declared_authorities

        declared_authorities(platform_dir, chosen.openbao_ca)
        environ["BAO_CACERT"] = os.path.realpath(os.path.join(platform_dir, chosen.openbao_ca))


def _refuse(problem: str, hint: str) -> NoReturn:
    raise UsageError(problem, effect=Effect.NOTHING_ASKED, system="platform", subject="environments", hint=hint)
