"""Requests of many users and tiers, alone and in batches, how they are added, and what is answered."""
import json
import threading
import time
from dataclasses import dataclass, field

import redis

from rig.fleet import OUTAGES, key

TERMINAL = {"result", "rejected", "failed", "cancelled", "batch_complete"}
# By what a request_id begins with: how the simulator treats its calls.
BEHAVIORS = {
    "cut": {"mode": "reset_midway"}, "half": {"mode": "truncate"}, "error": {"mode": "error"},
    "mute": {"mode": "no_usage"}, "stall": {"mode": "stall"}, "refuse": {"mode": "refusal"},
}
TIERS = {"enterprise": 40, "premium": 30, "basic": 20, "free": 10}
NANO = 10**9


@dataclass
class Request:
    id: str
    user: str
    queue: str
    fields: dict
    deadline_s: float
    adds: int = 0
    events: list = field(default_factory=list)
    # The batch that it brings, or that it is a member of.
    brings: object = None
    member_of: object = None

    def entry(self):
        return {"request_id": self.id, **self.fields}

    def terminals(self):
        return [event for event in self.events if event["event"] in TERMINAL]


@dataclass
class Batch:
    """Members that one entry brings, the envelope, or that are pushed one by one."""
    id: str
    members: list
    envelope: Request | None = None
    # What its stream tells.
    told: list = field(default_factory=list)

    def is_expanded(self):
        """Its envelope has ended as a batch does: then all of its members have ended."""
        return self.envelope is None or any(
            event["event"] == "batch_complete" for event in self.envelope.events)


@dataclass
class Wave:
    """The load of one round."""
    # What is added, in this order.
    pushed: list
    batches: list

    def everyone(self):
        brought = [one for batch in self.batches if batch.envelope for one in batch.members]
        return self.pushed + brought


class Load:
    """Makes requests by a seed. Some users have so little to spend that their requests wait."""

    def __init__(self, fleet, dice, name):
        self.fleet, self.dice, self.name, self.count = fleet, dice, name, 0
        self.requests = {}
        self.users = [f"{tier}-{n}" for tier, many in TIERS.items() for n in range(many)]
        self.tight = [f"tight-{n}" for n in range(8)]
        fleet.misbehave(*({**how, "request_id_prefix": kind + "-"}
                          for kind, how in BEHAVIORS.items()))
        self.write_profiles()

    def write_profiles(self):
        for user in self.users:
            self.fleet.redis.hset(key(f"user:{user}:profile"), "tier", user.split("-")[0])
        for user in self.tight:
            self.fleet.redis.hset(key(f"user:{user}:profile"), mapping={
                "tier": "enterprise", "cost_per_hour_nanousd": str(NANO * 2)})

    def make(self, count, deadline_s=None):
        return [self.one(deadline_s) for _ in range(count)]

    def wave(self, count, deadline_s=None, in_batches=0.15, envelopes=0.5):
        """So many requests, that share of them in batches, and of those that share in one entry."""
        pushed, batches, left = [], [], int(count * in_batches)
        while left > 0:
            size = min(left, self.dice.randrange(3, 9))
            left -= size
            batch = self.batch(size, deadline_s, self.dice.random() < envelopes)
            batches.append(batch)
            pushed += [batch.envelope] if batch.envelope else batch.members
        pushed += self.make(count - int(count * in_batches), deadline_s)
        self.dice.shuffle(pushed)
        return Wave(pushed, batches)

    def batch(self, size, deadline_s, has_envelope):
        self.count += 1
        name, queue = f"batch-{self.name}-{self.count}", self.dice.choice(("high", "normal", "low"))
        members = [self.one(deadline_s) for _ in range(size)]
        batch = Batch(name, members)
        for index, one in enumerate(members):
            one.member_of, one.queue = batch, queue
            one.fields |= {"batch_id": name, "batch_index": str(index), "batch_size": str(size)}
        if has_envelope:
            bodies = [{**json.loads(one.fields["payload"]), "request_id": one.id} for one in members]
            seconds = deadline_s or 25
            asked = {"user_id": members[0].user, "batch_id": name, "batch_priority": queue,
                     "requests": bodies}
            batch.envelope = Request(
                f"envelope-{name}", members[0].user, self.dice.choice(("high", "normal", "low")),
                {"type": "batch", "payload": json.dumps(asked),
                 "deadline_ms": str(int(seconds * 1000))}, seconds, brings=batch)
        return batch

    def one(self, deadline_s=None):
        dice = self.dice
        self.count += 1
        kind = dice.choice(list(BEHAVIORS)) if dice.random() < 0.06 else "plain"
        # Nine of ten by those who may make many requests.
        heavy = self.users[:TIERS["enterprise"]]
        user = dice.choice(heavy if dice.random() < 0.88 else self.users)
        if dice.random() < 0.04:
            user = dice.choice(self.tight)
        if deadline_s is None:
            deadline_s = dice.uniform(1, 3) if kind == "stall" or dice.random() < 0.08 else 25
        request_id = f"{kind}-{self.name}-{self.count}"
        fields = {"payload": payload(user, request_id, is_whole=dice.random() >= 0.01),
                  "deadline_ms": str(int(deadline_s * 1000))}
        if dice.random() < 0.3:
            fields["events"] = "all"
        queue = dice.choices(("high", "normal", "low"), (2, 6, 2))[0]
        request = Request(request_id, user, queue, fields, deadline_s)
        self.requests[request_id] = request
        return request


def payload(user, intent, is_whole=True):
    asked = {"user_id": user, "user_intent": f"income on SPY, {intent}",
             "market_context": {"symbol": "SPY", "current_price": 450.0, "vix": 18.5,
                                "trend": "bullish"},
             "risk_preferences": {"risk_tolerance": "medium", "max_loss": 1000}}
    if not is_whole:
        del asked["market_context"]
    return json.dumps(asked)


class Pusher(threading.Thread):
    """Adds requests at an even pace. What Redis has not confirmed is added again: that is safe."""

    CHUNK = 20

    def __init__(self, fleet, requests, seconds, repeats=0.0, dice=None):
        super().__init__(daemon=True)
        self.fleet, self.seconds = fleet, seconds
        again = [one for one in requests if dice and dice.random() < repeats]
        self.requests, self.refused = [*requests, *again], 0
        self.stopped = False

    def run(self):
        client = self.fleet.client()
        chunks = [self.requests[at:at + self.CHUNK]
                  for at in range(0, len(self.requests), self.CHUNK)]
        due = time.monotonic()
        for chunk in chunks:
            time.sleep(max(0, due - time.monotonic()))
            due += self.seconds / len(chunks)
            while chunk and not self.stopped:
                chunk = self.add(client, chunk)
                if chunk:
                    time.sleep(0.1)

    def add(self, client, chunk):
        """Those that must be added again."""
        pipe = client.pipeline(transaction=False)
        for request in chunk:
            pipe.xadd(key(f"requests:{request.queue}"), request.entry())
        try:
            answers = pipe.execute(raise_on_error=False)
        except OUTAGES:
            self.refused += len(chunk)
            return chunk
        left = []
        for request, answer in zip(chunk, answers):
            if isinstance(answer, redis.RedisError):
                self.refused += 1
                left.append(request)
            else:
                request.adds += 1
        return left

    def stop(self):
        self.stopped = True
        self.join()


def read_replies(client, requests):
    """Replaces what is known of these requests' reply streams by what stands there."""
    for at in range(0, len(requests), 200):
        page = requests[at:at + 200]
        pipe = client.pipeline(transaction=False)
        for request in page:
            pipe.xrange(key(f"reply:{request.id}"))
        for request, events in zip(page, pipe.execute()):
            if events:
                request.events = [{**fields, "id": entry} for entry, fields in events]


def await_answers(fleet, requests, seconds):
    """Reads until each has its terminal event. Those that have none then."""
    client, end = fleet.client(), time.monotonic() + seconds
    left = requests
    while True:
        try:
            read_replies(client, left)
        except (*OUTAGES, redis.ResponseError):
            pass
        left = [one for one in left if not one.terminals()]
        if not left or time.monotonic() > end:
            return left
        time.sleep(0.1)
