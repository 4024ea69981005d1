"""What is wrong with the page of a lane, in words."""

from warden.core.playbooks.markers import Damage
from warden.present.problems import describe
from warden.usecases.playbook import DamagedPage


@describe.register
def _(problem: DamagedPage) -> str:
    listed = "; ".join(f"line {each.line}: {_damage(each)}" for each in problem.damages)
    return f"{problem.file} has damaged markers ({listed})"


def _damage(each: Damage) -> str:
    match each.kind:
        case "unreadable":
            return "looks like a marker and is not one"
        case "inside":
            return f"{each.block} begins inside another part"
        case "not-begun":
            return f"{each.block} ends and has not begun"
        case "not-ended":
            return f"{each.block} begins and does not end"
        case "twice":
            return f"{each.block} is there twice"
        case "unknown":
            return f"unknown part {each.block}"
