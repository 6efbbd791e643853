#!/usr/bin/env python3
"""Many ask the same while workers die, stop and are told to forget: each is answered once, those who wait
lead where a leader is gone, and nothing stays set aside. CHAOS_SEED=n repeats a run."""
import json
import os
import random
import signal
import sys
import time
from collections import Counter

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import rig  # noqa: F401
from support.checks import check, run, wait_until

from rig.fleet import Fleet, fleet_key, key

SEED = int(os.environ.get("CHAOS_SEED", "1"))
SECONDS = 20
TERMINAL = ("result", "rejected", "failed", "cancelled")
# An answer serves for a second, so that somebody leads most of the time.
VARIABLES = {"CACHE_TTL": "1", "HEARTBEAT_TTL": "2", "ENABLE_RATE_LIMITING": "false",
             "MAX_CONCURRENT_REQUESTS": "20"}
USERS = [f"u{number}" for number in range(5)]


def payload(user, symbol):
    return json.dumps({
        "user_id": user, "user_intent": "income, please", "market_context": {
            "symbol": symbol, "current_price": 450, "vix": 18.5, "trend": "bullish"},
        "risk_preferences": {"risk_tolerance": "medium", "max_loss": 1000}})


class Crowd:
    """What became of a crowd that asks two questions, with a worker gone every four seconds."""

    def __init__(self):
        self.dice = random.Random(SEED)
        with Fleet(simulator={"SIMULATOR_LATENCY_MS": "400"}, worker=VARIABLES) as fleet:
            self.fleet = fleet
            fleet.start_fleet(workers=2, supervisors=1)
            self.ids, self.kills = [], 0
            begun = time.monotonic()
            while time.monotonic() - begun < SECONDS:
                self.push(10)
                time.sleep(0.05)
                if time.monotonic() - begun > 4 * self.kills + 2 and self.kills < 4:
                    self.strike()
            wait_until(lambda: all(map(self.ends, self.ids)), f"all answered, seed {SEED}", 60)
            wait_until(lambda: not fleet.redis.hlen(fleet_key("reservations")), "all settled")
            self.events = {id: self.ends(id) for id in self.ids}
            self.calls = fleet.usage()["total"]["calls"]
            self.counters = fleet.redis.hgetall(key("counters"))
            self.due = fleet.redis.zcard(key("due"))
            self.reserved = [fleet.redis.hget(key(f"user:{user}:cost"), "reserved_nanousd")
                             for user in USERS]
            self.reserved.append(fleet.redis.hget(fleet_key("cost"), "reserved_nanousd"))
            self.drift = fleet.metric(fleet.supervisors[0], "strategy_supervisor_drift")
            wait_until(lambda: not fleet.redis.keys("strategy:{cache:*"), "every question gone")

    def push(self, count):
        for _ in range(count):
            id = f"r{len(self.ids)}"
            queue = self.dice.choice(["high", "normal", "normal", "low"])
            deadline = 700 if self.dice.random() < 0.1 else 25_000
            self.fleet.redis.xadd(key(f"requests:{queue}"), {
                "request_id": id, "deadline_ms": deadline,
                "payload": payload(self.dice.choice(USERS), self.dice.choice(["SPY", "QQQ"]))})
            self.ids.append(id)
            if self.dice.random() < 0.03:
                self.fleet.redis.xadd(key("cancel"), {"request_id": id, "by": "crowd"})

    def strike(self):
        self.kills += 1
        victim = self.dice.choice(self.fleet.workers)
        victim.send_signal(self.dice.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
        self.fleet.forget(victim)
        self.fleet.worker()

    def ends(self, id):
        return [fields for _, fields in self.fleet.redis.xrange(key(f"reply:{id}"))
                if fields["event"] in TERMINAL]


@check("each is answered once, and nearly all by what another was")
def once(crowd):
    several = {id: len(events) for id, events in crowd.events.items() if len(events) != 1}
    assert not several, (SEED, several)
    told = Counter()
    for [event] in crowd.events.values():
        payload = json.loads(event["payload"])
        told[payload.get("source") or payload.get("code") or event["event"]] += 1
    # Whose worker died over it with less than a second left is told so.
    assert set(told) <= {"model", "cache", "rule_based", "cancelled", "deadline"}, (SEED, told)
    assert told["deadline"] < 0.02 * len(crowd.ids), (SEED, told)
    assert told["cache"] > 0.8 * len(crowd.ids), (SEED, told)


@check("a call a question and a second, and few more for those who died over it")
def few_calls(crowd):
    assert 2 <= crowd.calls <= 2 * (SECONDS + 2 * crowd.kills), (SEED, crowd.calls)


@check("nothing stays set aside, parked or due, and the books add up")
def whole(crowd):
    assert crowd.kills == 4
    assert set(crowd.reserved) <= {"0", None}, (SEED, crowd.reserved)
    assert crowd.counters["admitted"] == crowd.counters["ended"], (SEED, crowd.counters)
    assert crowd.counters["parked"] == "0" and crowd.due == 0, (SEED, crowd.counters, crowd.due)
    assert crowd.drift and not any(crowd.drift.values()), (SEED, crowd.drift)


run(Crowd())
