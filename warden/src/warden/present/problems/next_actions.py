"""Why what is left cannot be listed, in words."""

from warden.core.lifecycle.next_actions import UnknownOwner
from warden.present.problems import describe


@describe.register
def _(problem: UnknownOwner) -> str:
    missing = f"nothing in the catalog is owned by {problem.owner}"
    return f"{missing}; nearest: {', '.join(problem.nearest)}" if problem.nearest else missing
