"""Why nothing was revoked, and why a KRL is not in place, in words."""

from warden.core.quoting import name
from warden.core.ssh.krl_pull import NoKrlInPlace
from warden.core.ssh.revocation import SerialOfSeveral
from warden.present.problems import describe
from warden.usecases.krl import KrlOfAnotherJournal
from warden.usecases.revoke import NothingToRevoke, RecordedOnly


@describe.register
def _(problem: SerialOfSeveral) -> str:
    return f"several CAs have given serial {problem.serial}: {', '.join(problem.authorities)}"


@describe.register
def _(problem: NothingToRevoke) -> str:
    near = f"; nearest: {', '.join(map(name, problem.nearest))}" if problem.nearest else ""
    return f"the issue log has no certificate of {name(problem.actor)} that may still be valid{near}"


@describe.register
def _(effect: RecordedOnly) -> str:
    record = f" ({effect.record})" if effect.record else ""
    return f"It is revoked in the journal{record}; hosts do not refuse it before a KRL is published."


@describe.register
def _(problem: NoKrlInPlace) -> str:
    return f"{problem.path} is not a KRL, and may be a list of keys that somebody keeps"


@describe.register
def _(problem: KrlOfAnotherJournal) -> str:
    made = f"this journal did not make the KRL in {problem.where} (version {problem.version})"
    return f"{made}, and may lack what it revokes"
