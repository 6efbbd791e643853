#!/usr/bin/env python3
"""Batches and cancellation with real workers and supervisors that die in the middle: every member is
answered once, the totals are what its members got, and the books add up."""
import json
import os
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "DocumentTests"))
from support.checks import check, run, wait_until
from support.stack import Stack, program

TERMINAL = {"result", "rejected", "failed", "cancelled", "batch_complete"}
BODY = {"user_id": "user123", "user_intent": "income",
        "market_context": {"symbol": "SPY", "current_price": 450}}
KINDS = ("done", "rejected", "failed", "cancelled", "missing")


class Service:
    """Workers and a supervisor with a prefix of their own, and what an orchestrator asks of them."""

    def __init__(self, stack, prefix, **common):
        self.stack, self.r, self.prefix = stack, stack.redis, prefix
        self.common = {"STREAM_PREFIX": prefix, "HEARTBEAT_TTL": "2", **common}
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()
        self.stack.misbehave()

    def worker(self, name, **variables):
        process = self.stack.start_worker(f"{self.prefix}-{name}", **{**self.common, **variables})
        self.processes.append(process)
        return process

    def dies(self, at):
        """A worker that kills itself at a step, ready before that or not; dead when this returns."""
        process = self.stack.spawn(
            f"{self.prefix}-{at}", [program("strategy-worker")], REDIS_URL=self.stack.redis_url,
            OPENAI_BASE_URL=self.stack.simulator_url, OPENAI_API_KEY="sk-sim", HEALTH_PORT="0",
            DEFAULT_TIER="enterprise", REQUESTS_PER_MINUTE="1000000", FAULT_AT=at, **self.common)
        assert process.wait(60) < 0, process.returncode

    def supervisor(self, name="s"):
        process = self.stack.start_supervisor(f"{self.prefix}-{name}", **self.common)
        self.processes.append(process)
        return process

    def key(self, name):
        return f"{self.prefix}:{{0}}:{name}"

    def ask(self, request_id, payload=BODY, queue="normal", **fields):
        self.r.xadd(self.key(f"requests:{queue}"), {
            "request_id": request_id, "payload": json.dumps(payload), **fields})

    def batch(self, envelope, count, queue="low", **changes):
        members = [{**BODY, "request_id": f"{envelope}-{number}"} for number in range(count)]
        for number, member in changes.items():
            members[int(number[1:])] = member
        self.ask(envelope, {
            "user_id": "user123", "batch_id": f"b-{envelope}", "batch_priority": queue,
            "requests": members}, type="batch")
        return [member["request_id"] for member in members]

    def cancel(self, **target):
        self.r.xadd(self.key("cancel"), {**target, "by": "desk"})

    def events(self, request_id):
        return [fields for _, fields in self.r.xrange(self.key(f"reply:{request_id}"))]

    def ends(self, request_id):
        return [e["event"] for e in self.events(request_id) if e["event"] in TERMINAL]

    def told(self, batch_id):
        return [fields for _, fields in self.r.xrange(self.key(f"batch-reply:{batch_id}"))]

    def totals(self, batch_id, seconds=60):
        last = wait_until(
            lambda: [f for f in self.told(batch_id) if f["event"] == "batch_complete"],
            f"{batch_id} complete", seconds)
        return json.loads(last[0]["payload"])

    def adds_up(self, batch_id, members, totals):
        """Every member was answered once, told once, and counted as what it got."""
        ends = {member: self.ends(member) for member in members}
        several = {member: end for member, end in ends.items() if len(end) > 1}
        assert not several, several
        assert sum(totals[kind] for kind in KINDS) == totals["size"], totals
        told = self.told(batch_id)
        assert [f["event"] for f in told].count("batch_complete") == 1
        assert told[-1]["event"] == "batch_complete"
        names = {"result": "done"}
        counted = {}
        for fields in told[:-1]:
            event = json.loads(fields["payload"])["event"]
            assert ends[fields["request_id"]] == [event], (fields, ends[fields["request_id"]])
            counted[names.get(event, event)] = counted.get(names.get(event, event), 0) + 1
        assert len({f["request_id"] for f in told[:-1]}) == len(told) - 1, "told twice"
        for kind in KINDS[:4]:
            assert totals[kind] == counted.get(kind, 0), (kind, totals, counted)

    def is_conserved(self):
        """Nothing is left, and what was counted adds up; see streams.md, Conservation."""
        r = self.r
        counters = {name: int(n) for name, n in r.hgetall(self.key("counters")).items()}
        assert r.zcard(self.key("due")) == counters["admitted"] - counters["ended"], counters
        for queue in ("retry", "high", "normal", "low"):
            stream = r.xinfo_stream(self.key(f"requests:{queue}"))
            left = sum(counters.get(f"{way}:{queue}", 0) for way in (
                "finished", "dead", "requeued", "released", "duplicate", "ghosts", "overloaded",
                "unacknowledged"))
            assert stream["entries-added"] == left + stream["length"], (queue, counters)
        terminal = [f["request_id"] for _, f in r.xrange(self.key("ledger"))
                    if f["terminal"] == "1"]
        assert len(terminal) == len(set(terminal)), "two terminal rows of one request"


@check("a batch is expanded once, although its workers die in the middle")
def killed_while_expanding(stack):
    with Service(stack, "expanding") as s:
        s.supervisor()
        members = s.batch("e1", 350, m3={"user_id": "user123", "request_id": "e1-3"})
        s.dies("expanded=kill")
        # Its first step is to learn that the first hundred have been added.
        s.dies("expanded=kill@2")
        cursor = int(s.r.hget(s.key("batch:b-e1"), "cursor"))
        assert cursor == 200, cursor
        s.worker("lives")
        totals = s.totals("b-e1")
        s.adds_up("b-e1", members, totals)
        assert (totals["done"], totals["rejected"]) == (349, 1), totals
        assert s.ends("e1") == ["batch_complete"]
        assert json.loads(s.events("e1")[-1]["payload"]) == totals
        s.batch("e1", 350, m3={"user_id": "user123", "request_id": "e1-3"})
        wait_until(lambda: not any(s.r.xlen(s.key(f"requests:{q}")) for q in ("normal", "low")),
                   "the same batch again adds nothing")
        assert s.ends("e1") == ["batch_complete"] and len(s.told("b-e1")) == 351
        s.is_conserved()


@check("members whose workers die are counted once, as what they got in the end")
def members_die(stack):
    with Service(stack, "dying") as s:
        s.supervisor()
        members = s.batch("e1", 40)
        for step in ("admitted", "answered"):
            s.dies(f"{step}=kill@6")
        s.worker("lives")
        totals = s.totals("b-e1")
        s.adds_up("b-e1", members, totals)
        assert totals["done"] == 40, totals
        s.is_conserved()


@check("of a burst, what never comes is missing, and what is wrong is rejected")
def missing(stack):
    with Service(stack, "missing", BATCH_TIMEOUT="3") as s:
        s.worker("w")
        s.supervisor()
        for number in (0, 2, 4):
            s.ask(f"m{number}", BODY if number < 4 else {"user_id": "user123"}, "low",
                  batch_id="b", batch_index=number, batch_size=5)
        totals = s.totals("b")
        s.adds_up("b", ["m0", "m2", "m4"], totals)
        assert [totals[kind] for kind in KINDS] == [2, 1, 0, 0, 2], totals
        s.is_conserved()


@check("what runs is broken off within two seconds, charged once, and leaves its slot")
def cancel_running(stack):
    with Service(stack, "running", MAX_CONCURRENT_REQUESTS="2") as s:
        stack.misbehave({"mode": "slow", "latency_ms": 60_000})
        s.worker("w")
        s.supervisor()
        for number in range(2):
            s.ask(f"r{number}", deadline_ms=600_000)
        wait_until(lambda: all(s.r.hexists(s.key(f"request:r{n}"), "calling") for n in (0, 1)),
                   "at the model")
        stack.misbehave()
        s.cancel(request_id="r0")
        wait_until(lambda: s.ends("r0") == ["cancelled"], "cancelled", 2)
        paid = json.loads(s.events("r0")[0]["payload"])
        assert paid["by"] == "desk" and paid["cost_usd"] > 0, paid
        s.ask("r2")
        wait_until(lambda: s.ends("r2") == ["result"], "its slot is free", 3)
        s.cancel(request_id="r1")
        s.cancel(request_id="r1")
        s.cancel(request_id="r2")
        wait_until(lambda: s.r.xlen(s.key("cancel")) == 0, "all orders carried out")
        assert s.ends("r1") == ["cancelled"] and s.ends("r2") == ["result"]
        cost = s.r.hgetall(s.key("user:user123:cost"))
        assert int(cost["reserved_nanousd"]) == 0, cost
        rows = [f for _, f in s.r.xrange(s.key("ledger"))]
        charged = sum(int(f["cost_nanousd"]) for f in rows if f["payer"] == "user")
        assert charged == int(cost["settled_nanousd"]), (charged, cost)
        fleet = s.r.hgetall(f"{s.prefix}:{{global}}:cost")
        assert int(fleet["reserved_nanousd"]) == 0, fleet
        assert int(fleet["settled_nanousd"]) == charged, (fleet, charged)
        s.is_conserved()


@check("a whole batch is taken back: what runs, what waits, what is not even added")
def cancel_batch(stack):
    with Service(stack, "whole", MAX_CONCURRENT_REQUESTS="8") as s:
        stack.misbehave({"mode": "slow", "latency_ms": 60_000})
        s.supervisor()
        members = s.batch("e1", 250)
        s.dies("expanded=kill")
        s.worker("w1")
        wait_until(lambda: s.r.scard(s.key("batch-open:b-e1")) > 0, "members run")
        s.cancel(batch_id="b-e1")
        totals = s.totals("b-e1")
        s.adds_up("b-e1", members, totals)
        assert totals["cancelled"] == 250, totals
        assert s.ends("e1") == ["batch_complete"]
        s.is_conserved()


@check("a batch taken back before it is read is never added")
def cancel_unread_batch(stack):
    with Service(stack, "unread-batch") as s:
        s.supervisor()
        s.cancel(batch_id="b-e1")
        wait_until(lambda: s.r.xlen(s.key("cancel")) == 0, "remembered")
        members = s.batch("e1", 150)
        s.worker("w")
        totals = s.totals("b-e1")
        s.adds_up("b-e1", members, totals)
        assert totals["cancelled"] == 150 and totals["cost_usd"] == 0, totals
        assert s.r.xinfo_stream(s.key("requests:low"))["entries-added"] == 0
        s.is_conserved()


@check("orders that a dead supervisor had begun with are carried out by the next")
def supervisor_dies(stack):
    with Service(stack, "successor") as s:
        s.r.xgroup_create(s.key("cancel"), "supervisor", "0", mkstream=True)
        for number in range(3):
            s.cancel(request_id=f"r{number}")
        s.r.xreadgroup("supervisor", "leader", {s.key("cancel"): ">"}, count=2)
        s.supervisor()
        wait_until(lambda: s.r.xlen(s.key("cancel")) == 0, "carried out")
        assert s.r.xpending(s.key("cancel"), "supervisor")["pending"] == 0
        for number in range(3):
            assert s.r.get(s.key(f"cancelled:r{number}")) == '"desk"'
        s.r.xadd(s.key("cancel"), {"request_id": "a b"})
        wait_until(lambda: s.r.xlen(s.key("cancel")) == 0, "what is no order goes")


if __name__ == "__main__":
    os.environ.setdefault("LANG", "C.UTF-8")
    with Stack() as stack:
        run(stack)
