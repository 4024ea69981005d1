"""The text of ``--reason``: the journal keeps it for good."""

from warden.core.errors import Effect, UsageError
from warden.core.typed import composed


def required_reason(text: str) -> str:
    """The reason, as `journaled_reason`. Raises `UsageError` where it is empty, too."""
    if reason := journaled_reason(text):
        return reason
    raise UsageError("--reason is empty", effect=Effect.NOTHING_DONE, hint='--reason "why"')


def journaled_reason(text: str) -> str:
    """The reason on one line. Raises `UsageError` where it contains a secret."""
    return without_secret(text, "--reason")


def without_secret(text: str, option: str) -> str:
    """What an option says, on one line. Raises `UsageError` where it contains a secret."""
    reason = " ".join(composed(text).split())
    if not reason:
        return ""
    from secret_scan import scan

    if found := scan(reason):
        raise UsageError(
            f"{option} holds secret material ({found[0].kind}), and the journal keeps it for good",
            effect=Effect.NOTHING_DONE,
            hint="name the ticket, or where the secret was seen",
        )
    return reason
