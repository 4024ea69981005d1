"""What `can-reach` does not find, in words."""

from warden.present.problems import describe
from warden.usecases.can_reach import UnknownIdentity


@describe.register
def _(problem: UnknownIdentity) -> str:
    unseen = "; not everything could be looked at" if problem.unseen else ""
    return f"nobody is called {problem.identity} in OpenBao{unseen}"
