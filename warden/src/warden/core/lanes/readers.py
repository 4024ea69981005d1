"""Readers that are not pods: jobs of a CI system, machines with an AppRole, and holders of a TLS certificate.

    github: acme/deploy, branch: main    -> auth/github/role/github-acme-deploy-branch-main, claims of the job's token
    gitlab: acme/deploy, branch: main    -> auth/gitlab/role/gitlab-acme-deploy-branch-main
    approle: nightly-backup              -> auth/approle/role/nightly-backup, SecretIDs that end after secret_id_ttl
    certificate: backup.example.com      -> auth/cert/certs/certificate-backup.example.com, signed by `ca`

What a job's token says: GitHub, "OpenID Connect reference"; GitLab, "OpenID Connect (OIDC) Authentication Using ID
Tokens". A claim is bound to exact texts; ``match: glob`` alone gives ``*`` a meaning (OpenBao: bound_claims_type).
"""

import re
from collections.abc import Iterable, Mapping
from typing import Literal, NewType

import msgspec

Seconds = NewType("Seconds", int)
"""A duration; written ``15m``, ``1h``, ``90d`` in files."""

Match = Literal["exact", "glob"]

_OUTSIDE = re.compile(r"[^A-Za-z0-9._-]+")


def slug(text: str) -> str:
    """A text as a part of a role's name: lower case, and a hyphen for what no name may have."""
    return _OUTSIDE.sub("-", text.replace("*", "any")).strip("-").lower()


def matches(pattern: str, text: str, match: Match = "exact") -> bool:
    """Whether OpenBao takes `text` for `pattern`: the same text, or with ``glob`` any text in place of a ``*``."""
    if match == "exact":
        return pattern == text
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


class GithubReader(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs of GitHub Actions in one repository, ``owner/name``, that may read.

    At least one of ``branch``, ``tag`` and ``environment`` says which jobs. ``events`` are what may have started the
    workflow: pull requests are not among them unless they are listed. ``repository_id`` keeps a repository of the
    same name, made after this one was renamed or deleted, out. ``mount`` is a jwt mount that trusts GitHub's issuer.
    """

    github: str
    branch: str | None = None
    tag: str | None = None
    environment: str | None = None
    events: tuple[str, ...] = ("push", "schedule", "workflow_dispatch")
    repository_id: str | None = None
    match: Match = "exact"
    mount: str = "github"
    role: str | None = None
    audience: str = "openbao"
    ttl: Seconds = Seconds(900)

    @property
    def label(self) -> str:
        """Who it is, for people and records."""
        return f"github {self.github}{_where(self)}"

    @property
    def claims(self) -> dict[str, tuple[str, ...]]:
        """What its token has to say: each claim, and the texts of which it is one."""
        ref = f"refs/heads/{self.branch}" if self.branch else f"refs/tags/{self.tag}" if self.tag else None
        bound = {"repository": self.github, "repository_id": self.repository_id}
        return _given(bound | {"ref": ref, "environment": self.environment}) | {"event_name": self.events}

    @property
    def user_claim(self) -> str:
        """The claim that names the entity in OpenBao."""
        return "repository"


class GitlabReader(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs of GitLab CI in one project, ``group/name``, that may read.

    At least one of ``branch``, ``tag`` and ``environment`` says which jobs. ``protected``: only protected branches and
    tags. ``sources`` are what may have started the pipeline: merge requests are not among them unless they are listed.
    ``project_id`` keeps a project of the same path, made after this one was moved or deleted, out. ``mount`` is a jwt
    mount that trusts that GitLab's issuer.
    """

    gitlab: str
    branch: str | None = None
    tag: str | None = None
    environment: str | None = None
    protected: bool = True
    sources: tuple[str, ...] = ("push", "schedule", "web")
    project_id: str | None = None
    match: Match = "exact"
    mount: str = "gitlab"
    role: str | None = None
    audience: str = "openbao"
    ttl: Seconds = Seconds(900)

    @property
    def label(self) -> str:
        """Who it is, for people and records."""
        return f"gitlab {self.gitlab}{_where(self)}"

    @property
    def claims(self) -> dict[str, tuple[str, ...]]:
        """What its token has to say: each claim, and the texts of which it is one."""
        bound = {
            "project_path": self.gitlab,
            "project_id": self.project_id,
            "ref": self.branch or self.tag,
            "ref_type": "branch" if self.branch else "tag" if self.tag else None,
            "ref_protected": "true" if self.protected else None,
            "environment": self.environment,
        }
        return _given(bound) | {"pipeline_source": self.sources}

    @property
    def user_claim(self) -> str:
        """The claim that names the entity in OpenBao."""
        return "project_path"


class AppRoleReader(msgspec.Struct, frozen=True, kw_only=True):
    """A machine that logs in with the RoleID and a SecretID of this AppRole; the value is the role's name.

    A SecretID ends after ``secret_id_ttl``, and after ``secret_id_uses`` logins (0: as many as it likes until then).
    ``cidrs`` are the networks from which SecretIDs and the tokens they give can be used; none: from anywhere.
    """

    approle: str
    cidrs: tuple[str, ...] = ()
    secret_id_ttl: Seconds = Seconds(86400)
    secret_id_uses: int = 0
    mount: str = "approle"
    ttl: Seconds = Seconds(900)

    @property
    def label(self) -> str:
        """Who it is, for people and records."""
        return f"approle {self.approle}"

    @property
    def role(self) -> str:
        """The role's name."""
        return self.approle


class CertificateReader(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever shows a TLS certificate of this name that ``ca`` has signed.

    The name is the certificate's common name or one of its DNS names; a name with ``://`` is one of its URIs (SPIFFE).
    ``ca`` is a PEM file in the platform directory: the authority, or the one certificate itself.
    """

    certificate: str
    ca: str
    match: Match = "exact"
    mount: str = "cert"
    role: str | None = None
    ttl: Seconds = Seconds(900)

    @property
    def label(self) -> str:
        """Who it is, for people and records."""
        return f"certificate {self.certificate}"

    @property
    def names_field(self) -> str:
        """The field of the role that binds the name (OpenBao API, auth/cert)."""
        return "allowed_uri_sans" if "://" in self.certificate else "allowed_names"


CiReader = GithubReader | GitlabReader
MachineReader = GithubReader | GitlabReader | AppRoleReader | CertificateReader


def derived_role(reader: MachineReader) -> str:
    """The name of the reader's role where its file names none."""
    return slug(reader.label.replace(",", ""))


def patterns_of(reader: CiReader | CertificateReader) -> tuple[str, ...]:
    """The texts with a ``*`` that the reader's role takes as patterns."""
    texts = (
        (reader.certificate,)
        if isinstance(reader, CertificateReader)
        else tuple(text for allowed in reader.claims.values() for text in allowed)
    )
    return tuple(text for text in texts if "*" in text)


def subject(reader: MachineReader) -> str:
    """Everything that decides about its login: one role can be for readers of one subject only."""
    return " ".join(f"{key}={value}" for key, value in msgspec.structs.asdict(reader).items() if key != "role")


def longer_role(reader: MachineReader) -> str:
    """A name for a role whose derived name is another's, too: with a part of the hash of its subject."""
    import hashlib  # access loads this module, and hashes nothing

    return f"{derived_role(reader)}.{hashlib.sha256(subject(reader).encode()).hexdigest()[:8]}"


def accepted_claims(reader: CiReader) -> dict[str, str]:
    """A token's claims that the reader's role accepts; a ``*`` of a pattern stands for the letter x."""
    texts = {name: allowed[0] for name, allowed in reader.claims.items()}
    return {name: text.replace("*", "x") for name, text in texts.items()} if reader.match == "glob" else texts


def is_one(reader: CiReader, claims: Mapping[str, str]) -> bool:
    """Whether a token that says this is the reader's; only OpenBao knows whether it is genuine."""
    return all(
        any(matches(each, claims.get(name, ""), reader.match) for each in allowed)
        for name, allowed in reader.claims.items()
    )


def shows(reader: CertificateReader, names: Iterable[str]) -> bool:
    """Whether a certificate with these names is the reader's, if the right authority signed it."""
    return any(matches(reader.certificate, name, reader.match) for name in names)


def _where(reader: CiReader) -> str:
    parts = {"branch": reader.branch, "tag": reader.tag, "environment": reader.environment}
    return "".join(f", {name} {text}" for name, text in parts.items() if text)


def _given(bound: Mapping[str, str | None]) -> dict[str, tuple[str, ...]]:
    return {name: (text,) for name, text in bound.items() if text is not None}
