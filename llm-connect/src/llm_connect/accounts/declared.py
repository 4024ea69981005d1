"""The declared budgets: which of them apply to a call, the accounts in which they count, and whether they have room."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from llm_connect.accounts.budgets import NOTHING, Amount
from llm_connect.accounts.cost_bounds import upper_bound
from llm_connect.common.errors import OverBudget
from llm_connect.common.prices import NANO
from llm_connect.common.timestamps import utc_now
from llm_connect.config.model import EACH, Budget

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llm_connect.common.prices import Prices
    from llm_connect.providers.port import Call

_TOGETHER = "all"
_DATE, _MONTH = len("2026-11-24"), len("2026-11")
_PERIODS = ("day", "month", "total")


class Applied(NamedTuple):
    """A budget that applies to a caller and a profile; its accounts are named `name` plus the start of the period."""

    budget: Budget
    name: str
    nano_usd: int | None


class _Excess(NamedTuple):
    """What exceeds a budget, in words, and the seconds until it has room again; None where it never has."""

    what: str
    seconds: int | None


class Wanted(NamedTuple):
    """What a call may cost at most, and each budget that has to have room for it, with its account."""

    amount: Amount
    counted: tuple[tuple[Applied, str], ...]

    @property
    def accounts(self) -> tuple[str, ...]:
        """Each once: two budgets may count in one account."""
        return tuple(dict.fromkeys(account for _, account in self.counted))

    def refusal(self, spent: Mapping[str, Amount]) -> OverBudget | None:
        """The error of all budgets that have no room; None if all have."""
        over = [
            excess
            for applied, account in self.counted
            for excess in _over(applied, account, self.amount, spent.get(account, NOTHING))
        ]
        return _exhausted(over) if over else None


class Declared:
    """What is declared.

    Args:
        budgets: the declared budgets.
    """

    def __init__(self, budgets: Sequence[Budget]) -> None:
        self._budgets = budgets
        self._applied_by_route: dict[tuple[str, str], list[Applied]] = {}

    def wanted(self, caller: str, profile: str, call: Call, prices: Prices | None) -> Wanted | None:
        """What is to be reserved for a call that begins now; None if no budget applies.

        Raises:
            BadRequest: the call has no upper bound.
            OverBudget: a money budget applies, but the model has no price.
        """
        applied = self._applied(caller, profile)
        if not applied:
            return None
        amount = upper_bound(call, prices, money=any(each.nano_usd is not None for each in applied))
        now = utc_now()
        return Wanted(amount, tuple((each, each.name + _start(each.budget.period, now)) for each in applied))

    def _applied(self, caller: str, profile: str) -> list[Applied]:
        """The budgets that apply; computed once, since callers and profiles are few and declared."""
        found = self._applied_by_route.get((caller, profile))
        if found is None:
            applied = [budget for budget in self._budgets if _applies(budget, caller, profile)]
            found = self._applied_by_route[caller, profile] = [
                Applied(each, _name(each, caller, profile), None if each.usd is None else round(each.usd * NANO))
                for each in applied
            ]
        return found


def _over(applied: Applied, account: str, amount: Amount, spent: Amount) -> list[_Excess]:
    """What exceeds a budget: nothing, tokens, money, or both."""
    tokens, nano_usd, period = applied.budget.tokens, applied.nano_usd, applied.budget.period
    over = []
    if tokens is not None and spent.tokens + amount.tokens > tokens:
        what = f"{amount.tokens} tokens at most, of {tokens - spent.tokens} left in the budget {account}"
        over.append(_Excess(what, None if amount.tokens > tokens else _seconds_to_next(period)))
    if nano_usd is not None and spent.nano_usd + amount.nano_usd > nano_usd:
        left = (nano_usd - spent.nano_usd) / NANO
        what = f"{amount.nano_usd / NANO:.6f} USD at most, of {left:.6f} left in the budget {account}"
        over.append(_Excess(what, None if amount.nano_usd > nano_usd else _seconds_to_next(period)))
    return over


def _applies(budget: Budget, caller: str, profile: str) -> bool:
    return budget.profile in {None, EACH, profile} and budget.caller in {None, EACH, caller}


def _name(budget: Budget, caller: str, profile: str) -> str:
    """`profile|caller|period|`, to be followed by the start of the period; `all` for what is counted together."""
    return "|".join((_whose(budget.profile, profile), _whose(budget.caller, caller), budget.period, ""))


def _whose(declared: str | None, name: str) -> str:
    """A profile or caller that is named `all` is quoted, to distinguish it from what is counted together."""
    if declared is None:
        return _TOGETHER
    return f'"{name}"' if name == _TOGETHER else name


def _start(period: str, now: str) -> str:
    return "ever" if period == "total" else now[: _DATE if period == "day" else _MONTH]


def current(spent: Mapping[str, Amount]) -> dict[str, Amount]:
    """Of what is spent, the accounts whose period is not over."""
    endings = tuple(current_endings())
    return {name: amount for name, amount in spent.items() if name.endswith(endings)}


def current_endings() -> list[str]:
    """How the names of the accounts end whose period is not over."""
    now = utc_now()
    return [f"|{period}|{_start(period, now)}" for period in _PERIODS]


def _exhausted(over: Sequence[_Excess]) -> OverBudget:
    """One error for all budgets that refuse; it may be retried when the last of them has room again."""
    waits = [each.seconds for each in over]
    after = None if None in waits else str(max(filter(None, waits)))
    message = f"the call may cost {' and '.join(each.what for each in over)}; nothing was called"
    return OverBudget("budget_exhausted", message, retry_after=after)


def _seconds_to_next(period: str) -> int | None:
    """Until the period ends, in UTC."""
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "total":
        return None
    following = midnight + timedelta(days=1)
    if period == "month":
        following = (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
    return int((following - now).total_seconds()) + 1
