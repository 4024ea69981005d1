"""What to do about a problem, as data: steps that `warden.present.commands` writes as command lines, quoted.

warden("apply", lane.id, take_over=True)  ->  warden apply openrouter-llm-connect --take-over
RunKubectl(context="c1", action="delete", object=Ref("Secret", "ns", "name"))
->  kubectl --context c1 -n ns delete secret name
"""

from typing import Literal

import msgspec


class RunWarden(msgspec.Struct, frozen=True, tag="warden", omit_defaults=True):
    """A command of warden. An option whose value is empty is a flag; ``program`` are the words behind ``--``.

    ``platform`` is a directory to name with ``--platform``.

    A test compares each command and option that the sources name with the command line itself.
    """

    command: str
    arguments: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    program: tuple[str, ...] = ()
    platform: str = ""


KubectlAction = Literal[
    "delete",
    "describe",
    "drop-finalizers",
    "edit",
    "get",
    "keep-pushed",
    "apply-overlay",
    "apply-stdin",
    "list-crds",
    "list-pods",
    "remove-annotation",
    "remove-key",
    "remove-subject",
    "restart",
    "resume",
    "rollout-status",
    "scale",
    "version",
    "whoami",
]


class RunKubectl(msgspec.Struct, frozen=True, tag="kubectl", omit_defaults=True, kw_only=True):
    """Something an administrator does in a cluster.

    ``context`` is of a kubeconfig, ``kind`` as in a manifest. ``value`` is an annotation's key, a key
    of a Secret's or ConfigMap's data, an overlay, a number of pods, or the name of a binding's subject
    with its place there (``index``).
    """

    context: str
    action: KubectlAction
    kind: str = ""
    namespace: str = ""
    name: str = ""
    value: str = ""
    index: int = 0


BaoAction = Literal[
    "delete-metadata",
    "keep-versions",
    "keep-versions-on-mount",
    "keep-more-versions",
    "keep-more-versions-on-mount",
    "remove-custom-metadata",
    "delete-policy",
    "delete-role",
    "edit-policy",
    "enable-auth",
    "enable-transit",
    "initialize",
    "login-default",
    "read",
    "read-login-config",
    "register-header",
    "remove-fields",
    "revoke-accessor",
    "tune-mount",
    "undelete",
    "unseal",
    "write",
    "write-policy",
]


class RunBao(msgspec.Struct, frozen=True, tag="bao", omit_defaults=True, kw_only=True):
    """Something that is done at OpenBao, by whoever may.

    ``login-default`` is wherever the caller always logs in. ``mount`` and ``path`` are without slashes at their ends;
    ``name`` is a policy, a role, a header, an accessor or a version; ``names`` are fields. ``settings`` are the fields
    of a ``write``, each with its value. ``namespace`` is another than the caller's.
    ``version`` is the one that a write of a value replaces, as a check-and-set names it.
    """

    action: BaoAction
    mount: str = ""
    path: str = ""
    name: str = ""
    names: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    namespace: str = ""
    version: int = 0


class EditFile(msgspec.Struct, frozen=True, tag="edit", omit_defaults=True, kw_only=True):
    """A change to a declared file: set ``field`` (to ``value`` where one is known), or remove ``instead_of``.

    ``file`` is ``lane``, or a file of the platform directory.
    """

    file: Literal["lane", "clusters.yaml", "inventory.yaml", "platform.yaml"]
    field: str
    value: str = ""
    instead_of: str = ""


class ReplaceDevices(msgspec.Struct, frozen=True, tag="replace-devices"):
    """Replace these audit devices in the server's configuration by others of another name, without ``log_raw``.

    A device cannot be changed in place, nor over the API where it is configured so (measured, OpenBao 2.7.2).
    """

    names: tuple[str, ...]


class CheckFields(msgspec.Struct, frozen=True, tag="check-fields"):
    """Fields of a declared file to look at: one of them is missing or wrong, and which one cannot be seen from here."""

    file: Literal["clusters.yaml"]
    fields: tuple[str, ...]


class SetVariable(msgspec.Struct, frozen=True, tag="variable"):
    """An environment variable to export; ``value`` describes it where it is in capitals, as in help texts."""

    name: str
    value: str


class RunProgram(msgspec.Struct, frozen=True, tag="program"):
    """A program of this machine: its name, its options, and the ``names`` (of files, say) that it is run for."""

    words: tuple[str, ...]
    names: tuple[str, ...] = ()


class AskOwner(msgspec.Struct, frozen=True, tag="ask", omit_defaults=True):
    """Somebody else's turn: the repository that owns it, the page that says how, and the command for the owner."""

    repo: str
    doc: str = ""
    run: RunWarden | None = None


class AskMember(msgspec.Struct, frozen=True, tag="ask-member"):
    """Somebody else's turn: a member of this group runs it."""

    group: str
    run: RunWarden


class LogInAs(msgspec.Struct, frozen=True, tag="log-in", omit_defaults=True):
    """Log in at that mount as that role, as a member of this group of people, or as this ``person``."""

    people: str
    mount: str
    role: str
    person: bool = False


class RunAs(msgspec.Struct, frozen=True, tag="run-as", omit_defaults=True):
    """Run a command as this workload (``namespace/account``) or machine, with what it logs in with.

    That is a token for the audience in a file; or a SecretID in a file, or a certificate, which know no audience.
    """

    workload: str
    audience: str
    run: RunWarden
    credential: Literal["token", "secret-id", "certificate"] = "token"


class MountToken(msgspec.Struct, frozen=True, tag="mount-token"):
    """Mount a service account token for that audience into the pod."""

    audience: str


class OneOf(msgspec.Struct, frozen=True, tag="one-of"):
    """Steps of which one is enough."""

    steps: tuple["Step", ...]


Step = (
    RunWarden
    | RunKubectl
    | RunBao
    | EditFile
    | ReplaceDevices
    | CheckFields
    | SetVariable
    | RunProgram
    | AskOwner
    | AskMember
    | LogInAs
    | RunAs
    | MountToken
    | OneOf
)
Remedy = tuple[Step, ...]
"""Steps in order; empty where nothing is known to help."""


def warden(command: str, *arguments: str, **options: str | bool | tuple[str, ...]) -> RunWarden:
    """A command of warden. ``take_over=True`` is a flag, ``cluster="c1"`` an option; empty ones are left out.

    An option with several values is repeated. One that is a keyword of Python is written with an underscore: ``as_``.
    """
    given = tuple(
        (name.strip("_").replace("_", "-"), "" if each is True else str(each))
        for name, value in options.items()
        for each in (value if isinstance(value, tuple) else (value,))
        if each
    )
    return RunWarden(command, arguments, given)


def access(lane: str, **options: str | bool) -> RunWarden:
    """``warden access LANE -- COMMAND``, with these options."""
    return RunWarden("access", (lane,), warden("access", **options).options, ("COMMAND",))
