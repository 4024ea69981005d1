"""What is behind a verdict on who gets at a Secret, as facts; see ``details``."""

from warden.core.clusters.exposure import Disagreement, ObtainableBy, ReadableBy
from warden.core.clusters.manifests import Ref
from warden.core.quoting import Facts


class Asked(Facts, frozen=True, tag="asked"):
    """For how many subjects it was decided, and how many questions the API server was asked for it."""

    asked: int
    known: int


class ReadableByOthers(Facts, frozen=True, tag="readable-by-others"):
    """Subjects that may read the Secret and are not meant to, groups first."""

    subjects: tuple[ReadableBy, ...]
    asked: int
    known: int


class ObtainableByOthers(Facts, frozen=True, tag="obtainable-by-others"):
    """Subjects that could get at the Secret without the right to read it, and are not meant to."""

    subjects: tuple[ObtainableBy, ...]


class Administered(Facts, frozen=True, tag="administered"):
    """Subjects that could get at the Secret, and are declared as administrators (``may_administer``)."""

    subjects: tuple[str, ...]


class AuthorizersDiffer(Facts, frozen=True, tag="authorizers-differ"):
    """The API server answers otherwise than RBAC says: another authorizer decides, too."""

    disagreements: tuple[Disagreement, ...]


class EndlessTokens(Facts, frozen=True, tag="endless-tokens"):
    """These Secrets hold a token of the account that does not end."""

    account: str
    secrets: tuple[Ref, ...]


class TokensNotListed(Facts, frozen=True, tag="tokens-not-listed"):
    """The caller may not list Secrets in the namespace, so tokens of the account that do not end are not known.

    Such a token has no audience, and the account's auth role asks for one: nobody logs in at OpenBao with it.
    """

    account: str
    namespace: str


ExposureDetail = (
    Asked | ReadableByOthers | ObtainableByOthers | Administered | AuthorizersDiffer | EndlessTokens | TokensNotListed
)
