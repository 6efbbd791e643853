#!/usr/bin/env python3
"""A load runs while every process is replaced by another: no answer is lost, repeated, or late by more
than the start of a process.

PREVIOUS_BUILD is the folder of an earlier build's programs; without it that part is left out.
"""
import json
import os
import random
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import rig  # noqa: F401
from support.checks import check, run

from rig.fleet import Fleet, key
from rig.history import Checker
from rig.load import Load, Pusher, await_answers
from rig.sampler import Sampler

PREVIOUS = os.environ.get("PREVIOUS_BUILD")
REQUESTS, SECONDS, WORKERS = 600, 12, 3
LATENCY_MS = 300


class Roll:
    """A fleet whose workers are replaced one after the other under load."""

    def __init__(self, old=None):
        self.old = old
        with Fleet(simulator={"SIMULATOR_LATENCY_MS": str(LATENCY_MS)}) as fleet:
            self.fleet = fleet
            self.start_slowest = 0.0
            for _ in range(WORKERS):
                self.worker(old)
            for _ in range(2):
                fleet.supervisor(binary=self.path("strategy-supervisor", old))
            load = Load(fleet, random.Random(5), "roll")
            fleet.misbehave()
            requests = [one for one in load.make(REQUESTS, 25) if one.id.startswith("plain")]
            sampler = Sampler(fleet, [*load.users, *load.tight])
            sampler.start()
            pusher = Pusher(fleet, requests, SECONDS)
            pusher.start()
            self.replace()
            pusher.join()
            self.unanswered = await_answers(fleet, requests, 40)
            self.requests = requests
            self.wrong = Checker(fleet, load, sampler).round(requests)
            sampler.stop()
            self.over = sampler.over
            self.late = self.latest()
            counters = fleet.redis.hgetall(key("counters"))
            self.requeued = sum(int(n) for name, n in counters.items()
                                if name.startswith("requeued:"))

    @staticmethod
    def path(program, folder):
        return folder and os.path.join(folder, program)

    def worker(self, folder=None):
        began = time.monotonic()
        worker = self.fleet.worker(binary=self.path("strategy-worker", folder))
        self.start_slowest = max(self.start_slowest, time.monotonic() - began)
        return worker

    def replace(self):
        """One after the other, workers and then supervisors, as a deployment does."""
        time.sleep(1)
        self.statuses = []
        for old in list(self.fleet.workers):
            old.send_signal(signal.SIGTERM)
            self.worker()
            self.statuses.append(old.wait(timeout=40))
            self.fleet.forget(old)
        for old in list(self.fleet.supervisors):
            old.send_signal(signal.SIGTERM)
            self.fleet.supervisor()
            self.statuses.append(old.wait(timeout=40))
            self.fleet.forget(old)

    def latest(self):
        """The longest that an answer took beyond the model's time, s."""
        return max((json.loads(event["payload"])["timing"]["total_ms"] - LATENCY_MS) / 1000
                   for one in self.requests for event in one.terminals()
                   if event["event"] == "result")


def judge(roll):
    assert roll.statuses and set(roll.statuses) == {0}, roll.statuses
    assert not roll.unanswered, [one.id for one in roll.unanswered][:5]
    assert roll.wrong == [] and roll.over == [], (roll.wrong + roll.over)[:5]
    assert roll.requeued == 0, f"{roll.requeued} were taken back"
    kinds = [event["event"] for one in roll.requests for event in one.terminals()]
    print(f"        {len(kinds)} answers, none later than {roll.late:.2f} s; "
          f"a worker takes {roll.start_slowest:.2f} s to start")
    assert roll.late <= roll.start_slowest + 1, roll.late


@check("a rolling restart loses, repeats and delays nothing")
def restarted():
    judge(Roll())


@check("a rolling restart from the previous build to this one neither")
def upgraded():
    if not PREVIOUS:
        print("        left out: PREVIOUS_BUILD names no folder of an earlier build")
        return
    judge(Roll(PREVIOUS))


run()
