"""One run of a rotation: each step is marked at the path, journaled, done, and journaled again.

    mark (check-and-set) -> rotate.step begun -> the step -> rotate.step with how it ended -> the next one

The mark says who has the rotation. A step that finds another name in it, or a closed lane, stops before it does
anything. Each step looks first at what is there, so that it can be done again after a kill.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress

import msgspec

from warden.core.access.value_check import doubts
from warden.core.errors import Effect, Inconclusive, NotNow, UsageError, WardenError
from warden.core.lanes.lane import Lane
from warden.core.lanes.rotation import Rotation
from warden.core.rotation.mark import ROTATION, RotationMark, finished, taken_back
from warden.core.rotation.provider import Carry, HumanTask, Intent, KeyId
from warden.core.rotation.refusal import Pair  # noqa: TC001 - beside its kind
from warden.core.rotation.result import FINE, OldValue, Part, RotationResult, SameValue, StepResult
from warden.core.rotation.steps import End, Event, Shape, Step, after, steps_from, was_refused
from warden.core.secret import Secret
from warden.ports.clock import Clock
from warden.ports.http import HttpClient
from warden.ports.provider import Sources
from warden.usecases.context import Context
from warden.usecases.put import Doubtful
from warden.usecases.steps.fingerprints import hash_of
from warden.usecases.steps.rotation_keys import LAG, PAUSES, Keys
from warden.usecases.steps.rotation_parts import Parts
from warden.usecases.steps.rotation_path import RotationPath, same

Told = Callable[[str, Step, bool], None]
"""Is told which step of which lane's rotation begins, and whether it takes the rotation back."""

Unanswered = Callable[[str, str, float], None]
"""Is told of which lane's rotation which source did not answer, and the seconds after which it is asked again."""

Ask = Callable[[str], Secret | None]
"""Asks a person for the new value of that field; ``None`` where nobody gave one."""


class Waits(msgspec.Struct, frozen=True, kw_only=True):
    """How long a run waits: seconds for consumers, until a failing one counts, and between two looks at them."""

    consumers: float = 600.0
    failing: float = 30.0
    look: float = 2.0


class RotateTools(msgspec.Struct, frozen=True, kw_only=True):
    """What rotations are done with.

    Attributes:
        sources: the plug-ins.
        http: how they speak to providers.
        clock: the time.
        alone: holds this machine's lock on the rotations of one lane; takes the lane's id.
        ask: asks a person for a value.
        told: is told which step begins.
        unanswered: is told that a source is asked again.
        sleep, monotonic: wait, and count the seconds of a wait.
        pauses: seconds before each further attempt at a provider.
        lag: seconds for which an old value that is accepted still is asked after, beyond its window.
        waits: how long consumers are waited for.
    """

    sources: Sources
    http: HttpClient
    clock: Clock
    alone: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext()
    ask: Ask = lambda _: None
    told: Told = lambda *_: None
    unanswered: Unanswered = lambda *_: None
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    pauses: Sequence[float] = PAUSES
    lag: float = LAG
    waits: Waits = Waits()


class Run:
    """One run of one rotation, forward or back."""

    def __init__(
        self,
        lane: Lane,
        rotation: Rotation,
        mark: RotationMark,
        *,
        context: Context,
        keys: Keys,
        parts: Parts,
        tools: RotateTools,
        dropped: Mapping[str, str],
    ) -> None:
        self.path = RotationPath(lane, mark, context)
        self.step_results: list[StepResult] = []
        self._lane, self._rotation, self._context = lane, rotation, context
        self._keys, self._parts, self._tools, self._dropped = keys, parts, tools, dropped
        self._capabilities = keys.source.capabilities()
        self._written = 0
        self._looked: tuple[Part, ...] = ()
        self._pairs: tuple[Pair, ...] = ()
        self._old_is: OldValue = "not-asked" if keys.provider else "nobody-to-ask"
        if was_refused(mark.position, self.shape):
            self._old_is = "refused"
        self._destroyed: tuple[int, ...] = ()
        self._task: HumanTask | str = ""
        self._begin = 0
        self._does: Mapping[Step, Callable[[], Event]] = {
            "mint": self._mint,
            "write": self._write,
            "deliver": self._deliver,
            "reload": self._reload,
            "prove": self._prove,
            "disable": self._disable,
            "refuse": self._refuse,
            "delete": self._delete,
            "destroy": self._destroy,
            "record": self._record,
            "enable": self._enable,
            "restore": self._restore,
            "withdraw": self._withdraw,
            "erase": self._erase,
        }

    @property
    def lane_id(self) -> str:
        """Whose rotation it is."""
        return self._lane.id

    @property
    def shape(self) -> Shape:
        """What this rotation is like."""
        can = self._capabilities
        return Shape(
            replaces=self.path.mark.before > 0,
            delivered=self._parts.any,
            provider=can.provider,
            overlap=can.overlap,
            disable=can.disable,
            person_deletes="delete" in can.human_needed,
        )

    def go(self, begin: int) -> RotationResult:
        """Do every step that is left; `begin` is the number of the record that begins this run.

        Raises:
            Closed: the lane was closed meanwhile. Nothing more is done.
            Held: somebody else goes on with the rotation.
            NotNow: somebody else put another value.
            Inconclusive: a system did not answer; the rotation stands where it is.
        """
        self._begin = begin
        self.path.read_values()
        while True:
            position = self.path.mark.position
            if position.step not in steps_from(position, self.shape):
                left = steps_from(position, self.shape)
                self.path.mark = self.path.mark.at(msgspec.structs.replace(position, step=left[0]))
                position = self.path.mark.position
            event = self._do(position.step)
            following = after(position, event, self.shape)
            if isinstance(following, str):
                return self._result(following)
            self.path.mark = self.path.mark.at(following)

    def _do(self, step: Step) -> Event:
        back = self.path.mark.position.back
        self.path.fence()
        self._journal(step, "begun")
        self._tools.told(self._lane.id, step, back)
        try:
            event = self._does[step]()
        except Inconclusive:
            self._journal(step, "unclear")
            raise
        self.step_results.append(StepResult(step=step, event=event, back=back))
        self._journal(step, event)
        return event

    def _journal(self, step: Step, state: str) -> None:
        facts = {
            "rotation": self.path.mark.rotation,
            "begin": self._begin,
            "step": step,
            "state": state,
            "back": self.path.mark.position.back,
            "version": self.path.mark.after,
        }
        self._context.journal.record("rotate.step", self._lane.id, facts)

    def _result(self, end: End) -> RotationResult:
        going = end in {"unproven", "waiting", "stopped"}
        if end == "waiting":
            self.path.note(waits=True)
            self.path.fence()
        task: HumanTask = "delete" if self._task == "delete" else "create"
        return RotationResult(
            lane=self._lane.id,
            field=self.path.mark.field,
            source=self._rotation.source,
            rotation=self.path.mark.rotation,
            state=end,
            steps=tuple(self.step_results),
            left=steps_from(self.path.mark.position, self.shape) if going else (),
            version=self._written or self.path.mark.after,
            parts=self._looked,
            old="none" if not self.shape.replaces else self._old_is,
            pairs=self._pairs,
            destroyed=self._destroyed,
            task=task if end == "waiting" else "",
            where=self._rotation.settings.get(task, "") if end == "waiting" else "",
            old_key=self.path.mark.old,
            new_key=self.path.mark.new,
        )

    # -- forward ----------------------------------------------------------------------------------------------------

    def _mint(self) -> Event:
        keep = frozenset({self.path.mark.old})
        self._keys.end_orphans(self.path.mark.rotation, keep)
        if self.path.mark.new and self.path.mark.new != self.path.mark.old and self._keys.provider:
            self._keys.delete(self.path.mark.new)
        self.path.note(new="", print="", after=0)
        given = None
        if "create" in self._capabilities.human_needed:
            given = self._given()
            if given is None:
                self._task = "create"
                return "waiting"
        carry = self._keys.carried(self.path.mark.old)
        intent = Intent(rotation=self.path.mark.rotation, lane=self._lane.id, field=self.path.mark.field, given=given)
        made = self._keys.mint(intent, carry, keep)
        return self._tested(made.value, made.key, carry)

    def _tested(self, value: Secret, key: KeyId, carry: Carry) -> Event:
        try:
            seen = hash_of(self._context.vault, self._context.audit_device, value)
            self.path.note(new=key, print=seen)
            self.path.fence()
        except WardenError:  # nobody would know of the key
            if self._keys.provider and key:
                with suppress(WardenError):
                    self._keys.source.delete(key)
            raise
        self.path.new = value
        if key:
            self._keys.bind(self.path.mark.new, carry)
        return "done" if self._keys.accepts(value) else "failed"

    def _given(self) -> Secret | None:
        """What a person brought. Raises `UsageError` where that is probably not the value that was meant."""
        field = self.path.mark.field
        found = self._tools.ask(field)
        if found is None:
            return None
        found = Secret(found.reveal().removesuffix("\n").removesuffix("\r"))
        problem: msgspec.Struct | None = None
        if wrong := doubts(found, field):
            problem = Doubtful(field, wrong)
        elif self.path.old is not None and same(found, self.path.old):
            problem = SameValue(field)
        if problem is not None:
            self.path.set_custom({ROTATION: None}, self.path.metadata())  # nothing has been done
            raise UsageError(problem, effect=Effect.NOTHING_WRITTEN, subject=field)
        return found

    def _write(self) -> Event:
        """Where somebody else put a value meanwhile, the key that was just made is nobody's: it ends at once."""
        made_here = self.path.new is not None and not self.path.mark.after
        try:
            return "done" if self.path.write() else "lost"
        except NotNow:
            if not made_here:
                raise
            self._keys.end_orphans(self.path.mark.rotation, frozenset({self.path.mark.old}))
            self.path.set_custom({ROTATION: None}, self.path.metadata())
            raise self.path.given_up(self.path.current()[0]) from None

    def _wanted(self) -> Secret:
        """The value that the parts should have. Raises `NotNow` where it is gone: nothing can be compared then."""
        found = self.path.old if self.path.mark.position.back else self.path.new
        if found is None:
            raise self.path.replaced(self.path.current()[0])
        return found

    def _deliver(self) -> Event:
        return "done" if self._parts.deliver() else "unclear"

    def _reload(self) -> Event:
        self._parts.restart(self._wanted())
        return "done"

    def _prove(self) -> Event:
        event = self._looked_until(self._wanted())
        if event == "done" and not self.path.mark.position.back and not self._keys.accepts(self._wanted()):
            return "failed"
        return event

    def _looked_until(self, value: Secret) -> Event:
        """Look until every part has the value, or nothing changes any more, or the time is over."""
        waited = failing = 0.0
        while True:
            self._looked = self._parts.look(value, self._dropped)
            states = {each.state for each in self._looked}
            failing = failing + self._tools.waits.look if "failing" in states else 0.0
            if states <= FINE:
                return "done"
            # On the way back pods that failed with the new value stay until those with the old one are ready.
            if failing > self._tools.waits.failing and not self.path.mark.position.back:
                return "failed"
            settled = not states & {"pending", "failing"}
            if settled or waited >= self._tools.waits.consumers:
                return "unclear" if states <= FINE | {"pending"} else "failed" if "failing" in states else "kept"
            self._tools.sleep(self._tools.waits.look)
            waited += self._tools.waits.look

    def _accepted(self, value: Secret | None) -> bool:
        """Whether a value is accepted now: no key ends before another is known to be good. Raises `Inconclusive`."""
        return value is not None and self._keys.accepts(value)

    def _disable(self) -> Event:
        self.path.expect_new_in_use()
        if not self._accepted(self.path.new):
            return "failed"
        if self.path.mark.old:
            self._keys.disable(self.path.mark.old)
        return "done"

    def _refuse(self) -> Event:
        self.path.expect_new_in_use()
        if self.path.old is None or self.path.new is None:
            return "unclear"
        ended = bool(self.path.mark.old) or not self.shape.overlap
        self._old_is, self._pairs = self._keys.refusal(
            self.path.old, self.path.new, self._rotation.refused, ended=ended or self.shape.person_deletes
        )
        events: dict[str, Event] = {"refused": "done", "new-refused": "failed", "accepted": "kept"}
        return events.get(self._old_is, "unclear")

    def _delete(self) -> Event:
        self.path.expect_new_in_use()
        if self.shape.person_deletes:
            if not self.path.mark.waits:  # a run after that says that it is done
                self._task = "delete"
                return "waiting"
            return "done"
        if not self._accepted(self.path.new):
            return "kept"
        if self.path.mark.old:
            self._keys.delete(self.path.mark.old)
        self._keys.end_orphans(self.path.mark.rotation, frozenset({self.path.mark.new, self.path.mark.old}))
        return "done"

    def _destroy(self) -> Event:
        self.path.expect_new_in_use()
        self._destroyed = self.path.destroy(1, self.path.mark.after)
        return "done"

    def _record(self) -> Event:
        now = f"{self._tools.clock():%Y-%m-%dT%H:%M:%SZ}"
        custom = taken_back(self.path.mark) if self.path.mark.position.back else finished(self.path.mark, now)
        self.path.set_custom(custom, self.path.metadata())
        return "done"

    # -- back -------------------------------------------------------------------------------------------------------

    def _enable(self) -> Event:
        if self.path.mark.old:
            self._keys.enable(self.path.mark.old, self.path.fence)
        return "done" if self._accepted(self.path.old) else "failed"

    def _restore(self) -> Event:
        old = self.path.old
        if old is None or not self._accepted(old):
            return "failed"
        self._written = self.path.restore(old)
        return "done"

    def _withdraw(self) -> Event:
        """Never while the old value is not known to be good."""
        self.path.expect_old_in_use()
        mark = self.path.mark
        if self.shape.replaces and not self._accepted(self.path.old):
            return "kept"
        if mark.new and mark.new != mark.old:
            self._keys.delete(mark.new)
        self._keys.end_orphans(mark.rotation, frozenset({mark.old}))
        return "done"

    def _erase(self) -> Event:
        version = self.path.expect_old_in_use()
        if self.path.mark.after:
            self._destroyed = self.path.destroy(self.path.mark.after, version)
        return "done"
