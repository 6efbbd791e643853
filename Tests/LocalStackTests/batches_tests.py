#!/usr/bin/env python3
"""Batches and cancellation with real workers and supervisors that die in the middle: every member is
answered once, the totals are what its members got, and the books add up."""
import json
import os
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from service import BODY, KINDS, Service
from support.checks import check, run, wait_until
from support.stack import Stack


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


@check("what was taken back before it is read holds no slot: the next are read beside it")
def cancelled_beside(stack):
    with Service(stack, "beside", MAX_CONCURRENT_REQUESTS="1") as s:
        s.supervisor()
        taken = [f"r{number}" for number in range(30)]
        for name in taken:
            s.cancel(request_id=name)
        wait_until(lambda: s.r.xlen(s.key("cancel")) == 0, "remembered")
        for name in taken:
            s.ask(name)
        s.ask("kept")
        with s.r.monitor() as monitor:
            s.worker("w")
            reads, before = 0, None
            for command in monitor.listen():
                words = command["command"].split(" ")
                if words[0] == "XREADGROUP" and command.get("client_type") == "lua":
                    reads += words[-2] == s.key("requests:normal")
                if words[0] == "XADD" and words[1] == s.key(f"reply:{taken[0]}"):
                    before = reads
                if words[0] == "XADD" and words[1] == s.key("reply:kept") and "result" in words:
                    break
        # With a slot of their own each would have been ended before the next was read.
        assert before > 1, before
        assert all(s.ends(name) == ["cancelled"] for name in taken)
        assert s.ends("kept") == ["result"]
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
