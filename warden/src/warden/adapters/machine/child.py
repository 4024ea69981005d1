"""What a child process gets of warden's environment: everything but the caller's own way to OpenBao."""

from collections.abc import Mapping

_OWN = ("BAO_", "VAULT_", "WARDEN_")
_SECRET_WORDS = ("TOKEN", "WRAP", "SECRET", "PASSWORD", "UNSEAL", "RECOVERY", "KEY_BYTES", "JWT")


def is_credential(name: str) -> bool:
    """Whether an environment variable is a way to OpenBao that is the caller's, not the child's."""
    return name.startswith(_OWN) and any(word in name for word in _SECRET_WORDS)


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for a helper program of the caller: a plugin, a compiler, ssh."""
    return {name: value for name, value in environ.items() if not is_credential(name)}
