"""What the evidence weighs: fitted by ``bench/route_find.py --fit`` on the needs that may be tuned on."""

import msgspec


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """The weights of three linear models.

    Attributes:
        rank: of `ranking.Evidence`, in the order of its numbers.
        owned: of `answer.features`: does anybody own what is needed? (logistic)
        right: of the same: is the first entry the right one? (logistic)
    """

    rank: tuple[float, ...]
    owned: tuple[float, ...]
    right: tuple[float, ...]


WEIGHTS = Weights(
    rank=(6.5, 0.93, 0.87, 3.76, 3.31),
    owned=(1.25, 1.23, 0.84, 0.28, -3.94, 0.81, 0.07),
    right=(0.47, 2.36, 0.67, 0.33, -2.54, -0.29, -0.31),
)

OWNED_FROM = 0.3
"""Below this probability nobody owns it."""

SURE_FROM = 0.85
"""From this probability on the first entry is the answer. Names that the catalog does not have rule it out."""
