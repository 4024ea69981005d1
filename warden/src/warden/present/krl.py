"""KRLs: what was published, what is in place on a host, and whose signatures it believes."""

from collections.abc import Iterable, Mapping
from typing import Any

from warden.core.public_key import PublicKey
from warden.core.remedies import warden
from warden.core.ssh.krl import NAMESPACE, SIGNER
from warden.core.ssh.krl_pull import Damage, Flaw, Pulled, Refusal, Repair
from warden.present import errors, terminal
from warden.present.commands import command
from warden.present.durations import span
from warden.present.terminal import counted
from warden.usecases.krl import Published

_FLAWS: Mapping[Flaw, str] = {
    "not-signed": "its signature is not one that this host believes",
    "not-a-krl": "ssh-keygen cannot read it to its end",
    "older": "its version {found} is lower than {known}, which this host has had",
    "same-version": "it is another one than the last good one, and has the same version {found}",
}
_REPAIRS: Mapping[Repair, str] = {
    "last-good": "{path} was lost or changed: the last good one was put back",
    "empty": "{path} was missing or damaged, and there has been no good one: one that revokes nothing was put there",
}
_DAMAGES: Mapping[Damage, str] = {
    "unreadable": "{path} is missing, empty or damaged: sshd refuses every key, or revokes none",
    "changed": "{path} is not the last good one, which `krl pull` puts back",
}


def published_json(made: Published) -> dict[str, Any]:
    """``where, version, serials, keys, size, key, record``."""
    return terminal.plain(made)


def show_published(made: Published) -> None:
    """The same for people."""
    terminal.sentence(
        f"{terminal.styled('ok', 'ok')}   KRL version {made.version}: {counted(made.serials, 'serial')}, "
        f"{counted(made.keys, 'key')}, {made.size} bytes · journal {made.record}"
    )
    terminal.line(f"     {made.where}/krl and krl.sig, signed by {made.key}")
    terminal.note("Hosts refuse what it revokes from their next pull on.")


def show_serving(url: str, directory: str, *, as_json: bool, empty: bool = False) -> None:
    """Where it can be fetched, at once; what is published there later is served, too. `empty`: there is none yet."""
    if as_json:
        terminal.document({"url": url, "directory": directory})
    else:
        terminal.line(url)
    terminal.flush()
    publish = command(warden("ssh krl build", dir=directory))
    none = " It has no KRL yet: hosts get 404." if empty else ""
    terminal.note(f"Serving {directory} until Ctrl-C.{none} Publish with: {publish}")


def pulled_json(done: Pulled) -> dict[str, Any]:
    """``file, url, state, version, generated, age, max_age, stale, repair, damage, error``, and ``refused``."""
    return {
        "file": done.path,
        "url": done.url or None,
        "state": done.state,
        "version": done.head.version,
        "generated": terminal.iso(done.head.generated) if done.head.generated else None,
        "age": done.age,
        "max_age": done.max_age,
        "stale": done.stale,
        "repair": done.repair or None,
        "damage": done.damage or None,
        "refused": terminal.plain(done.refusal) if done.refusal else None,
        "error": errors.problem(done.fault) if done.fault else None,
    }


def show_pulled(done: Pulled) -> None:
    """One line about what is in place; what is wrong stands on stderr, for the journal of systemd."""
    if done.repair:
        terminal.note(f"warden: {_REPAIRS[done.repair].format(path=done.path)}.")
    if done.damage:
        terminal.note(f"warden: {_DAMAGES[done.damage].format(path=done.path)}.")
        terminal.note(f"        {command(warden('ssh krl pull', 'URL', file=done.path))}")
    if done.damage == "unreadable":
        return  # it has neither a version nor an age
    if done.refusal:
        terminal.note(
            f"warden: the KRL at {done.url} was refused: {refused(done.refusal)}. sshd goes on with {done.path}."
        )
    if done.fault:
        terminal.note(f"warden: {errors.problem(done.fault)}. sshd goes on with {done.path}.")
    if done.stale:
        terminal.note(f"warden: {_age(done)}: newer revocations may be missing.")
    word = terminal.styled("ok", "ok") if not done.exit else terminal.styled("??", "warn")
    made = "" if done.age is None else f", made {terminal.ago(done.head.generated)}"
    terminal.sentence(f"{word}   {done.path}: KRL version {done.head.version}, {done.state}{made}")


def refused(refusal: Refusal) -> str:
    """Why, as a clause."""
    return _FLAWS[refusal.flaw].format(found=refusal.found, known=refusal.known)


def _age(done: Pulled) -> str:
    if done.age is None:
        return f"{done.path} has no KRL that was built"
    return f"the KRL in {done.path} was made {terminal.ago(done.head.generated)}, more than {span(done.max_age)}"


def signers_json(keys: Iterable[PublicKey]) -> dict[str, Any]:
    """``signers[] {principal, namespace, key, fingerprint}``."""
    return {
        "signers": [
            {"principal": SIGNER, "namespace": NAMESPACE, "key": key.line, "fingerprint": key.id} for key in keys
        ]
    }


def show_signers(keys: Iterable[PublicKey]) -> None:
    """The file, as ssh-keygen(1) reads it (*ALLOWED SIGNERS*)."""
    for key in keys:
        terminal.line(f'{SIGNER} namespaces="{NAMESPACE}" {key.line}')
