#!/usr/bin/env python3
"""What a request costs Redis in memory while it waits, runs, is answered and is remembered: measured by
`used_memory` over some thousands of them, against the figures that streams.md gives."""
import json
import os
import re
import sys
import uuid

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import harness
from support.checks import check, run
from support.documents import Document

from harness.books import Books, load
from harness.servers import Server

COUNT = 5_000
USERS = 100
STREAMS = Document("streams.md")
# A request of 378 bytes, and the answer that streams.md shows.
PAYLOAD = json.dumps({
    "user_id": "user123", "user_intent": "I want a conservative income strategy for SPY",
    "market_context": {"symbol": "SPY", "current_price": 450.0, "vix": 18.5, "trend": "bullish"},
    "portfolio_context": {"positions": [], "portfolio_greeks": {
        "delta": 0, "gamma": 0, "theta": 0, "vega": 0}},
    "risk_preferences": {"risk_tolerance": "medium", "max_loss": 1000}, "max_cost_usd": 0.50})
ANSWER = next(text for language, text, _ in STREAMS.blocks() if language == "json")
# Its call as the ledger tells of it, and what led to it: as a worker writes them, in bytes if not in sense.
FACTS = json.dumps([{
    "reservation": f"0:{'r' * 32}:1:1", "model": "gpt-4-0125-preview", "asked_model": "gpt-4-turbo-preview",
    "endpoint": "primary", "kind": "first", "prompt_version": "menu-fast-0a1b2c3d", "prompt_tokens": 1259,
    "cached_tokens": 0, "completion_tokens": 43, "cost_nanousd": 13880000, "estimated": False,
    "asked_at": 1795532400005, "answered_at": 1795532401485}], separators=(",", ":"))
RECORD = json.dumps({
    "v": 2, "versions": {
        "release": "1.0.0", "rules": "0123456789ab", "prompts": [
            "menu-fast-0a1b2c3d", "menu-full-0a1b2c3d", "free-form-0a1b2c3d"], "prices": "0123456789ab",
        "settings": {"operator": "self_directed", "rate": 0.04, "screening": "on"}},
    "entry_id": "1795532400000-0", "queue": "normal", "payload_hash": "0" * 32, "added_at": 1795532400000,
    "read_at": 1795532400001, "deadline_at": 1795532430000,
    "screening": {"level": "pass", "score": 0.0012345678901234567, "reasons": []},
    "priced_at": 1795532400000, "proposed_at": 1795532400003, "rule_day": "2026-11-24", "candidates": 12,
    "menu": "0123456789abcdef", "attempt": 1, "limits": {
        "tier": "premium", "requests_left": 187, "cost_left_nanousd": 48710000000, "resets_at": 1795536000000},
    "reserved_nanousd": 31000000, "asked_at": 1795532400005, "answered_at": 1795532401485,
    "prompt_version": "menu-fast-0a1b2c3d", "model": "gpt-4-0125-preview",
    "answer": '{"choice":1,"ranking":[2,3],"reasons":["fits_view"],"adjust":[],"rationale":"It fits the view '
              'and keeps the loss within the limit."}', "request": json.loads(PAYLOAD)}, separators=(",", ":"))
TIERS = (("free", 10**6, 9 * 10**15),)
# The most that may stay of a request, with its key and expiry.
REMEMBERED_MAX = 400


def used(server):
    """All that Redis has allocated, but for what it buffers for us."""
    found = server.client.info("memory")
    return found["used_memory"] - found["mem_clients_normal"]


class Crowd:
    """So many requests, which go the way of one request side by side."""

    def __init__(self, server):
        self.server, self.books = server, Books(server.client)
        self.books.make_groups()
        self.ids = [uuid.uuid4().hex for _ in range(COUNT)]
        self.entries = []

    def user(self, index):
        return f"user{index % USERS}"

    def pipelined(self, calls):
        pipe = self.server.client.pipeline(transaction=False)
        for call in calls:
            pipe.evalsha(harness.books.SHAS[call.script], len(call.keys), *call.keys,
                         *call.arguments)
        return pipe.execute()

    def per_request(self, act):
        """Bytes by which each of them has grown."""
        before = used(self.server)
        act()
        return (used(self.server) - before) / COUNT

    def wait(self):
        pipe = self.server.client.pipeline(transaction=False)
        for id in self.ids:
            pipe.xadd(self.books.requests("normal"), {"request_id": id, "payload": PAYLOAD})
        self.entries = pipe.execute()

    def start(self):
        for _ in range(COUNT // 100):
            self.books.read(count=100)
        b = self.books
        granted = self.pipelined(
            b.admit(entry, id, user=self.user(index), hash="0" * 32, most=100_000_000, tiers=TIERS,
                    boot="b" * 13)
            for index, (id, entry) in enumerate(zip(self.ids, self.entries)))
        assert all(answer[0] == "granted" for answer in granted), granted[:3]
        marked = self.pipelined(
            b.call(id, boot="b" * 13, most=100_000_000) for id in self.ids)
        assert set(marked) == {"marked"}

    def answer(self):
        answers = self.pipelined(
            self.books.commit(entry, id, user=self.user(index), hash="0" * 32, cost=14_270_000,
                              payload=ANSWER, boot="b" * 13, facts=FACTS, evidence=RECORD)
            for index, (id, entry) in enumerate(zip(self.ids, self.entries)))
        assert set(answers) == {"committed"}

    def forget_answers(self):
        for key in [self.books.reply(id) for id in self.ids]:
            self.server.client.delete(key)

    def drain(self):
        """What leaves with the hour, and with a drained outbox: the record stays."""
        client, b = self.server.client, self.books
        client.delete(b.key("ledger"), *client.keys(b.key("user:*")))

    def take_back(self):
        self.books.lead()
        said = self.pipelined(self.books.cancel(uuid.uuid4().hex) for _ in range(COUNT))
        assert said == [["remembered"]] * COUNT


def stated(state):
    """The figure of one row, in bytes."""
    for cells in STREAMS.table("What it costs Redis", "a request that"):
        if state in cells[0]:
            return int(re.sub(r"\D", "", cells[1]))
    raise AssertionError(f"streams.md says nothing of one that {state}")


@check("the figures of streams.md are what is measured, within a tenth")
def figures(server):
    load(server.client)
    # What the scripts themselves need to run, Redis keeps: a first crowd has it allocated.
    first = Crowd(server)
    for act in (first.wait, first.start, first.answer):
        act()
    server.client.flushall()
    crowd = Crowd(server)
    # What one user has, and what a first entry makes, is not a request's.
    found, sum = {}, 0
    for state, act in (("waits", crowd.wait), ("runs", crowd.start), ("is answered", crowd.answer)):
        sum += crowd.per_request(act)
        found[state] = sum
    for state, act in (("has no answer any more", crowd.forget_answers),
                       ("is only remembered", crowd.drain)):
        sum += crowd.per_request(act)
        found[state] = sum
    found["was taken back"] = crowd.per_request(crowd.take_back)
    print(", ".join(f"{state}: {bytes:.0f}" for state, bytes in found.items()))
    for state, bytes in found.items():
        assert abs(stated(state) - bytes) <= bytes / 10, (state, bytes, stated(state))
    assert found["is only remembered"] <= REMEMBERED_MAX, found


if __name__ == "__main__":
    nodes = re.search(r"^stream-node-max-bytes (\d+)$", (
        harness.ROOT / "deploy/redis/local.conf").read_text(), re.M)
    with Server(*(["--stream-node-max-bytes", nodes[1]] if nodes else [])) as server:
        run(server)
