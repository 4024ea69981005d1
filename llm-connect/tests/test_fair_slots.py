"""Slots that callers share: none has more than its share, each has its turn, and nothing is lost where one leaves."""

from __future__ import annotations

import asyncio

import pytest

from llm_connect.common.fair_slots import FairSlots, QueueFull


class Crowd:
    """Tasks that take a slot and keep it until they are told to leave; `order` says who had one when."""

    def __init__(self, slots):
        self.slots = slots
        self.order = []
        self.tasks = []

    async def come(self, *callers):
        for caller in callers:
            leave = asyncio.Event()
            self.tasks.append((caller, leave, asyncio.create_task(self._stay(caller, leave))))
        await asyncio.sleep(0.01)

    async def _stay(self, caller, leave):
        async with self.slots.slot(caller):
            self.order.append(caller)
            await leave.wait()

    async def leave(self, number):
        self.tasks[number][1].set()
        await asyncio.sleep(0.01)

    async def all_leave(self):
        for _, leave, _ in self.tasks:
            leave.set()
        await asyncio.gather(*(task for _, _, task in self.tasks), return_exceptions=True)
        assert (self.slots.running, self.slots.waiting) == (0, 0)


async def test_a_crowd_of_one_caller_leaves_room_for_another():
    crowd = Crowd(FairSlots(4, 2, 100, 100))
    await crowd.come(*"aaaaaaaa")
    assert crowd.slots.running == 2
    await crowd.come("b", "b", "b")
    assert crowd.order == ["a", "a", "b", "b"]
    await crowd.all_leave()


async def test_those_that_wait_have_their_turn_whoever_came_first():
    crowd = Crowd(FairSlots(1, 1, 100, 100))
    await crowd.come("a", "a", "a", "a", "b", "c", "b")
    for number in range(7):
        await crowd.leave(number)
    await crowd.all_leave()
    assert crowd.order == ["a", "a", "b", "c", "a", "b", "a"]


async def test_the_queue_is_bounded_in_all_and_for_each():
    crowd = Crowd(FairSlots(1, 1, 3, 2))
    await crowd.come("a", "a", "a", "b")
    for caller, mine in (("a", True), ("c", False)):
        with pytest.raises(QueueFull) as caught:
            async with crowd.slots.slot(caller):
                pass
        assert caught.value.mine is mine
    await crowd.all_leave()


async def test_who_gives_up_loses_no_slot():
    crowd = Crowd(FairSlots(1, 1, 100, 100))
    await crowd.come("a", "b", "c")
    crowd.tasks[1][2].cancel()  # while it waits
    crowd.tasks[0][1].set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    crowd.tasks[2][2].cancel()  # as it is given a slot, or just after
    await asyncio.sleep(0.01)
    await crowd.come("d")
    assert crowd.order[-1] == "d"
    await crowd.all_leave()


async def test_a_slot_given_to_one_that_is_cancelled_in_the_same_turn_is_passed_on():
    slots = FairSlots(1, 1, 100, 100)
    crowd = Crowd(slots)
    await crowd.come("a", "b", "c")
    crowd.tasks[0][1].set()
    await asyncio.sleep(0)
    assert (slots.waiting, crowd.order) == (1, ["a"])
    crowd.tasks[1][2].cancel()  # it has the slot, and has not run since
    await asyncio.sleep(0.01)
    assert crowd.order == ["a", "c"]
    await crowd.all_leave()


@pytest.mark.parametrize("callers", ["aa", "aab", "aba"])
async def test_all_that_are_cancelled_at_once_leave_nothing_behind(callers):
    """As when the gateway stops: the first slot is free before those that wait know that they are cancelled."""
    crowd = Crowd(FairSlots(1, 1, 100, 100))
    await crowd.come(*callers)
    for _, _, task in crowd.tasks:
        task.cancel()
    found = await asyncio.gather(*(task for _, _, task in crowd.tasks), return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in found)
    assert (crowd.slots.running, crowd.slots.waiting) == (0, 0)


async def test_one_that_is_cancelled_is_passed_over_in_the_same_moment():
    crowd = Crowd(FairSlots(1, 1, 100, 100))
    await crowd.come("a", "b", "c")
    crowd.tasks[0][1].set()
    crowd.tasks[1][2].cancel()
    await asyncio.sleep(0.01)
    assert crowd.order == ["a", "c"]
    await crowd.all_leave()
