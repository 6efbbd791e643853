#!/usr/bin/env python3
"""A worker that stops hands back what it has at the model. The call that it began and the one of who goes
on are two calls: each is counted once, whoever settles it when."""
import os
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import rig  # noqa: F401
from support.checks import check, run, wait_until

from rig.fleet import Fleet, fleet_key, is_frozen, key
from rig.load import Pusher, Request, await_answers, payload

# Long enough for another worker to begin the second call while the first is not settled.
LATENCY_MS = 4_000
NAMES = ["0:one:1:1", "0:one:1:2"]


class HandedBack:
    """The first worker stands still between handing back and settling, until the second is calling."""

    def __init__(self):
        with Fleet(simulator={"SIMULATOR_LATENCY_MS": str(LATENCY_MS)}) as fleet:
            self.fleet = fleet
            first = fleet.worker(DRAIN_TIMEOUT="0", FAULT_AT="released=freeze")
            fleet.supervisor()
            request = Request("one", "u1", "normal", {"payload": payload("u1", "one")}, 25.0)
            Pusher(fleet, [request], 0.0).run()
            wait_until(lambda: self.calling(first), "the first call")
            first.send_signal(signal.SIGTERM)
            wait_until(lambda: is_frozen(first), "the first worker has handed it back")
            self.handed_back = fleet.redis.hgetall(key("request:one"))
            second = fleet.worker()
            wait_until(lambda: self.calling(second), "the second call")
            self.called = fleet.redis.hgetall(key("request:one"))
            self.held = sorted(fleet.redis.hkeys(fleet_key("reservations")))
            first.send_signal(signal.SIGCONT)
            self.status = first.wait(timeout=30)
            self.left = fleet.redis.hkeys(fleet_key("reservations"))
            self.unanswered = await_answers(fleet, [request], 30)
            self.events = [event["event"] for event in request.events]
            wait_until(lambda: not fleet.redis.hlen(fleet_key("reservations")), "all settled")
            self.rows = [row for _, row in fleet.redis.xrange(key("ledger"))]
            self.settled = int(fleet.redis.hget(fleet_key("cost"), "settled_nanousd"))
            self.user = fleet.redis.hgetall(key("user:u1:cost"))
            self.calls = fleet.usage()["total"]["calls"]

    def calling(self, worker):
        record = self.fleet.redis.hgetall(key("request:one"))
        return "calling" in record and record["owner"] == worker.name


@check("it goes on as the same attempt, and its next call has a number of its own")
def numbered(story):
    assert story.handed_back["state"] == "waiting" and story.handed_back["call"] == "1"
    assert (story.called["attempt"], story.called["call"]) == ("1", "2"), story.called


@check("both calls have a claim of their own, and the late settlement ends the first alone")
def claimed(story):
    assert story.held == NAMES, story.held
    assert story.left == NAMES[1:], story.left


@check("it is answered once, and both calls are counted: the house's and the user's")
def counted(story):
    assert story.status == 0 and not story.unanswered and story.events == ["result"], story.events
    lost, ended = story.rows
    assert (lost["event"], lost["payer"], lost["call"]) == ("released", "house", "1"), lost
    assert (ended["event"], ended["payer"], ended["attempt"]) == ("result", "user", "1"), ended
    costs = [int(row["cost_nanousd"]) for row in story.rows]
    assert story.settled == sum(costs) and min(costs) > 0, (story.settled, costs)
    assert story.calls == 2, story.calls
    assert story.user["settled_nanousd"] == str(costs[1]) and story.user["reserved_nanousd"] == "0"


run(HandedBack())
