#!/usr/bin/env python3
"""500 requests of one user at once against a budget for 100."""
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import rig  # noqa: F401
from support.checks import check, run

from rig.fleet import Fleet, key
from rig.load import Pusher, Request, await_answers, payload
from rig.sampler import Sampler

REQUESTS, BUDGET_FOR = 500, 100
USER = "budget"
# Slow enough that nothing is settled before all have asked.
LATENCY_MS = 6_000
# Of one user, in each of two workers: they wait for the others' reservations to be settled.
PARKED = 2 * 16


class Crowd:
    """What became of the 500, and what the budget looked like meanwhile."""

    def __init__(self):
        with Fleet(simulator={"SIMULATOR_LATENCY_MS": str(LATENCY_MS)},
                   worker={"MAX_CONCURRENT_REQUESTS": "300"}) as fleet:
            fleet.start_fleet(workers=2, supervisors=1)
            self.most = self.reservation(fleet)
            self.limit = self.most * BUDGET_FOR
            fleet.redis.hset(key(f"user:{USER}:profile"), mapping={
                "tier": "enterprise", "cost_per_hour_nanousd": str(self.limit)})
            requests = [request(USER, n) for n in range(REQUESTS)]
            self.sampler = Sampler(fleet, [USER], interval=0.005)
            self.sampler.start()
            pusher = Pusher(fleet, requests, 0.0)
            pusher.start()
            self.running = self.most_running(fleet)
            pusher.join()
            self.unanswered = await_answers(fleet, requests, 60)
            self.sampler.stop()
            self.events = [one.terminals()[0] for one in requests if one.terminals()]
            cost = fleet.redis.hgetall(key(f"user:{USER}:cost"))
            self.settled, self.reserved = (
                int(cost[name]) for name in ("settled_nanousd", "reserved_nanousd"))
            self.charged = sum(int(row["cost_nanousd"]) for _, row in
                               fleet.redis.xrange(key("ledger")) if row["user"] == USER)
            self.calls = fleet.usage()["total"]["calls"] - 1

    def reservation(self, fleet):
        """What one such request reserves: all are as long as this one."""
        probe = request("probe", 0)
        Pusher(fleet, [probe], 0.0).run()
        end = time.monotonic() + 10
        while time.monotonic() < end:
            held = fleet.redis.hget(key("user:probe:cost"), "reserved_nanousd")
            if held and int(held):
                assert not await_answers(fleet, [probe], 30)
                return int(held)
            time.sleep(0.01)
        raise AssertionError("nothing was reserved")

    def most_running(self, fleet):
        """While the first calls are at the model: how many requests have a reservation."""
        most, end = 0, time.monotonic() + LATENCY_MS / 1000 + 2
        while time.monotonic() < end:
            held = fleet.redis.hget(key(f"user:{USER}:cost"), "reserved_nanousd")
            most = max(most, int(held or 0) // self.most)
            time.sleep(0.005)
        return most


def request(user, number):
    fields = {"payload": payload(user, f"{user[0]}{number:05}"), "deadline_ms": "25000"}
    return Request(f"{user}-{number}", user, "normal", fields, 25.0)


@check("settled and reserved were never above the limit")
def never_over(crowd):
    assert crowd.sampler.samples > 200, crowd.sampler.samples
    assert crowd.sampler.over == [], crowd.sampler.over[:3]


@check("as many run at once as the budget covers reservations, and no more")
def as_reserved(crowd):
    assert crowd.running == BUDGET_FOR, f"{crowd.running} of {BUDGET_FOR}"


@check("each is answered once: by a strategy, or told what kept it out")
def answered(crowd):
    assert not crowd.unanswered, len(crowd.unanswered)
    kinds = {event["event"] for event in crowd.events}
    assert kinds == {"result", "rejected"}, kinds


@check("the model was called for those admitted, and they are what was charged")
def charged(crowd):
    results = sum(event["event"] == "result" for event in crowd.events)
    assert BUDGET_FOR < crowd.calls <= BUDGET_FOR + PARKED, crowd.calls
    assert results == crowd.calls, (crowd.calls, results)
    assert (crowd.settled, crowd.reserved) == (crowd.charged, 0)
    assert crowd.settled <= crowd.limit


run(Crowd())
