"""Policy points: other systems that have to permit an access or a signature too, as ``platform.yaml`` names them.

    policy_points:
      - {authzen: https://pdp.example.com, name: company}
      - {flex_auth: https://flex-auth.example.com, name: flex, tenant: coulomb}
    access_policies: replaced     # deliberately: the points alone decide

The access policies of ``policies/access/`` are asked first, then each point in this order; each has to permit it.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from warden.core.lanes.notify import url_fault
from warden.core.lanes.readers import Seconds

_NAME = re.compile(r"[a-z][a-z0-9-]{0,38}[a-z0-9]", re.ASCII)
_ENCRYPTED = re.compile(r"https://|http://(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?=[:/]|$)")
_LONGEST = 60
"""Seconds. Somebody waits for the answer."""

AccessPolicies = Literal["required", "replaced"]
"""Whether the policies of ``policies/access/`` are asked, or the policy points decide in their place."""


SubjectId = Literal["entity", "display_name", "role"]
"""Which of the things that OpenBao says of a caller is the subject's id; without an entity it is the display name."""


class AuthzenPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A policy point that speaks OpenID AuthZEN (Authorization API 1.0).

    ``authzen`` is its identifier, the URL below which its metadata say where it answers. ``evaluation`` is the URL that
    evaluates, for a point whose metadata are not to be asked. ``ca`` is a PEM file in the platform directory with the
    authorities that verify it. ``timeout`` is for the whole answer. ``subject`` is what the caller is called there: its
    entity at OpenBao, its display name, or the role ``MOUNT/ROLE`` that it logged in with.
    """

    authzen: str
    name: str
    evaluation: str | None = None
    subject: SubjectId = "entity"
    ca: str | None = None
    timeout: Seconds = Seconds(5)

    @property
    def url(self) -> str:
        """Where it is."""
        return self.authzen


class FlexAuthPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A policy point that is a flex-auth: its URL, below which ``/v1/check`` is, and the tenant that is asked about.

    ``subject``, ``ca`` and ``timeout`` are as with AuthZEN.
    """

    flex_auth: str
    name: str
    tenant: str
    subject: SubjectId = "entity"
    ca: str | None = None
    timeout: Seconds = Seconds(5)

    @property
    def url(self) -> str:
        """Where it is."""
        return self.flex_auth


PolicyPoint = AuthzenPoint | FlexAuthPoint


def token_variable(name: str) -> str:
    """The variable with the bearer token for the point of that name; with ``_FILE`` behind it, the file it is in."""
    return f"WARDEN_POLICY_TOKEN_{name.upper().replace('-', '_')}"


def of_policy_points(points: Sequence[PolicyPoint], policies: AccessPolicies) -> Iterator[tuple[str, str]]:
    """Everything that is wrong with them: the field, and a clause."""
    if policies == "replaced" and not points:
        yield "access_policies", "is replaced by nothing; add policy_points, or leave the key out"
    names: set[str] = set()
    for index, point in enumerate(points):
        field = f"policy_points[{index}]"
        yield from _of_name(f"{field}.name", point.name, names)
        names.add(point.name)
        urls = {"authzen": point.authzen, "evaluation": point.evaluation} if isinstance(point, AuthzenPoint) else {}
        urls |= {"flex_auth": point.flex_auth} if isinstance(point, FlexAuthPoint) else {}
        yield from ((f"{field}.{key}", fault) for key, url in urls.items() if url and (fault := _url_fault(url)))
        if point.timeout > _LONGEST:
            yield f"{field}.timeout", f"is longer than {_LONGEST}s; somebody waits for the answer"
    yield from _clashes([point.name for point in points])


def _of_name(field: str, name: str, others: set[str]) -> Iterator[tuple[str, str]]:
    if not _NAME.fullmatch(name):
        yield field, "is not a name; allowed: a-z, 0-9 and - inside, 2 to 40 characters, a letter first"
    elif name == "cedar":
        yield field, "is the name of the access policies themselves; choose another"
    elif name in others:
        yield field, "is the name of another policy point, too"


def _clashes(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Both of two points, where the token of one would be taken for the file with the other's."""
    files = {f"{token_variable(name)}_FILE": index for index, name in enumerate(names)}
    for index, name in enumerate(names):
        variable = token_variable(name)
        if (other := files.get(variable)) is not None:
            for one, its in ((other, name), (index, names[other])):
                yield f"policy_points[{one}].name", f"shares the variable {variable} with {its}; rename one of them"


def _url_fault(url: str) -> str:
    if fault := url_fault(url, "the token is in the environment"):
        return fault
    if "?" in url:
        return "has a query; leave it out"
    return "" if _ENCRYPTED.match(url) else "is not an https URL; only this machine is asked over http"
