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
    rank=(6.5, 0.86, 0.84, 3.75, 3.77),
    owned=(1.34, 1.3, 0.73, 0.16, -3.93, 0.73, 0.16),
    right=(0.81, 2.45, 0.67, 0.17, -2.56, -0.28, -0.76),
)

OWNED_FROM = 0.3
"""Below this probability nobody owns it."""

SURE_FROM = 0.85
"""From this probability on the first entry is the answer. Names that the catalog does not have rule it out."""
