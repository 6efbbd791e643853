"""Orchestrators and operators with their hands on the wheel, and what must hold of batches."""
import json
import threading
import time
from collections import Counter

import redis

from rig.fleet import OUTAGES, key

# Who takes back.
BY = "chaos"
KINDS = {"result": "done", "rejected": "rejected", "failed": "failed", "cancelled": "cancelled"}
PATIENCE = 40


class Hands(threading.Thread):
    """Takes requests and whole batches back, before, while and after they run; pauses the partition and
    lets it go on. What it is going to do when stands in `plan` from the beginning."""

    def __init__(self, fleet, wave, dice, seconds, cancels=0.05, batch_cancels=0.2, pauses=0.35):
        super().__init__(daemon=True)
        self.client, self.done = fleet.client(), Counter()
        self.held, self.stopped = threading.Event(), threading.Event()
        self.plan = []
        for one in wave.everyone():
            if dice.random() < cancels:
                self.plan.append((dice.uniform(0, seconds + 1), "cancel", {"request_id": one.id}))
        for batch in wave.batches:
            if dice.random() < batch_cancels:
                self.plan.append((dice.uniform(0, seconds + 1), "cancel", {"batch_id": batch.id}))
        if dice.random() < pauses:
            start = dice.uniform(0.1, seconds)
            self.plan += [(start, "control", {"command": "pause"}),
                          (start + dice.uniform(0.2, 1.2), "control", {"command": "resume"})]
        self.plan.sort(key=lambda step: step[0])

    def run(self):
        began = time.monotonic()
        for at, stream, order in self.plan:
            if self.stopped.wait(max(0, began + at - time.monotonic())):
                return
            if stream == "control" and self.held.is_set():
                continue
            self.ask(stream, order)

    def ask(self, stream, order):
        """Says it until Redis has heard it."""
        while not self.stopped.is_set():
            try:
                self.client.xadd(key(stream), {**order, "by": BY})
            except (*OUTAGES, redis.ResponseError):
                time.sleep(0.05)
                continue
            self.done[order.get("command") or next(iter(order))] += 1
            return

    def hold(self):
        """Ends a pause, and makes no other: what follows has its time."""
        self.held.set()
        if self.done["pause"]:
            self.steer("resume")

    def steer(self, command):
        """Pauses, or lets go on, and waits until that is in force."""
        end, wanted = time.monotonic() + PATIENCE, int(command == "pause")
        while True:
            self.ask("control", {"command": command})
            for _ in range(60):
                try:
                    if not self.client.xlen(key("control")) and (
                            self.client.exists(key("paused")) == wanted):
                        return
                except OUTAGES:
                    pass
                assert time.monotonic() < end, f"{command} is not carried out"
                time.sleep(0.05)

    def finish(self):
        """All that was planned has been asked, and nothing is paused."""
        self.join(PATIENCE)
        self.hold()
        self.stopped.set()
        self.join()


def is_unborn(request):
    """A member that its envelope never brought, since that one ended otherwise."""
    batch = request.member_of
    return batch is not None and not batch.is_expanded()


def read_told(client, batches):
    pipe = client.pipeline(transaction=False)
    for batch in batches:
        pipe.xrange(key(f"batch-reply:{batch.id}"))
    for batch, events in zip(batches, pipe.execute()):
        batch.told = [fields for _, fields in events]


def check_batch(batch, client, ledger):
    """What its stream tells is what its members got, once each, and the totals are their sum."""
    if not batch.is_expanded():
        return []
    read_told(client, [batch])
    ends = [event for event in batch.told if event["event"] == "batch_complete"]
    if len(ends) != 1 or batch.told[-1] is not ends[0]:
        return [f"{batch.id}: {len(ends)} times complete"]
    wrong, totals = [], json.loads(ends[0]["payload"])
    if batch.envelope and json.loads(batch.envelope.terminals()[0]["payload"]) != totals:
        wrong.append(f"{batch.id}: its envelope was told otherwise than {totals}")
    told = Counter()
    for event in batch.told[:-1]:
        told[event["request_id"], json.loads(event["payload"])["event"]] += 1
    got = Counter((one.id, end["event"]) for one in batch.members for end in one.terminals())
    if totals["missing"]:
        # What comes after a batch was closed is answered, and not counted.
        got = Counter({one: count for one, count in got.items() if one in told})
    if told != got:
        wrong.append(f"{batch.id}: tells {told - got}, and not {got - told}")
    counted = Counter(KINDS[event] for _, event in told.elements())
    sums = {kind: counted[kind] for kind in KINDS.values()}
    if sums != {kind: totals[kind] for kind in sums} or totals["size"] != len(batch.members) or (
            sum(sums.values()) + totals["missing"] != totals["size"]):
        wrong.append(f"{batch.id}: {totals} of {sums}")
    names = {name for name, _ in told}
    paid = sum(row.cost for name in names for row in ledger.rows[name] if row.payer == "user")
    if round(totals["cost_usd"] * 10**9) != paid:
        wrong.append(f"{batch.id}: {totals}, its members paid {paid}")
    return wrong
