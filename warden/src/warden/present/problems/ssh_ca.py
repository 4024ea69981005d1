"""What is wrong with the keys of authorities, in words."""

from warden.core.ssh.ca import KeyStep, NoAuthority, NoKey, NotAnEngine, StepNotConfirmed, StillValid
from warden.present.problems import describe
from warden.present.ssh_ca import ended


@describe.register
def _(problem: NotAnEngine) -> str:
    return (
        f"the key that signs for {problem.purpose} is not in OpenBao but in {problem.where}: make a new one there, and"
        " list the old one's public key under also_trusted in inventory.yaml"
    )


@describe.register
def _(problem: NoAuthority) -> str:
    signs = "without OpenBao" if problem.purpose == "break-glass" else f"for {problem.purpose}"
    return f"inventory.yaml names no CA that signs {signs}"


@describe.register
def _(problem: NoKey) -> str:
    return f"the SSH engine {problem.mount}/ has no key that signs"


@describe.register
def _(problem: StepNotConfirmed) -> str:
    if problem.step == "switch":
        return f"this would have {problem.name} sign, which every host has to trust already"
    return f"this would delete {problem.name}, and hosts could no longer be told to trust it"


@describe.register
def _(problem: StillValid) -> str:
    if not problem.until:
        return f"it is not known when the last certificate that {problem.name} signed ends"
    return f"{problem.name} is needed until {ended(problem.until)}"


@describe.register
def _(problem: KeyStep) -> str:
    said = {"make": "made", "switch": "the one that signs", "remove": "deleted"}[problem.step]
    return f"{problem.name} is {said}"
