"""What `can-reach` does not find, in words."""

from warden.present.problems import describe
from warden.usecases.can_reach import UnknownIdentity


@describe.register
def _(problem: UnknownIdentity) -> str:
    return f"nobody is called {problem.identity} in OpenBao"
