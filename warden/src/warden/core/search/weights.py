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
    rank=(6.5, 0.86, 0.85, 3.58, 3.89),
    owned=(1.37, 0.76, 0.98, 0.44, -3.65, 0.65, -1.42, -0.14),
    right=(0.99, 1.93, 0.92, 0.26, -2.71, -0.24, -0.94, -0.86),
)

OWNED_FROM = 0.25
"""Below this probability nobody owns it."""

SURE_FROM = 0.85
"""From this probability on the first entry is the answer. Names that the catalog does not have rule it out."""
