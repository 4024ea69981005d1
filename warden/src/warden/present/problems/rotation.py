"""Why a value was not replaced, in words."""

from warden.core.rotation.provider import SourceBroken, SourceNotInstalled
from warden.present.problems import describe


@describe.register
def _(problem: SourceNotInstalled) -> str:
    return f"no source {problem.name} is installed; installed: {', '.join(problem.installed) or 'none'}"


@describe.register
def _(problem: SourceBroken) -> str:
    package = f" of the package {problem.package}" if problem.package else ""
    return f"the source {problem.name}{package} cannot be used ({problem.target}: {problem.why})"
