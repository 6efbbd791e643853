#!/usr/bin/env python3
"""An orchestrator in Python, as streams.md describes one: it asks, waits, asks again where that is safe,
holds back when told to, pushes bursts, takes back, and carries its trace context. To be copied.

    pip install redis
    REDIS_URL=redis://localhost:6379 python3 orchestrator.py "income on SPY"
"""
import binascii
import json
import os
import random
import secrets
import sys
import time
import uuid

import redis

TERMINAL = {"result", "rejected", "failed", "cancelled", "batch_complete"}
# Refusals that pass by themselves: worth another request, under another id, after a while.
PASSING = {"overloaded", "rate_limited", "budget_exceeded"}


def traceparent(parent=None):
    """A W3C trace context: a new span, in its parent's trace where there is one."""
    trace = parent.split("-")[1] if parent else secrets.token_hex(16)
    return f"00-{trace}-{secrets.token_hex(8)}-01"


class NoAnswer(Exception):
    """Nothing came by the deadline, and nothing after the entry was pushed again."""


class Orchestrator:
    def __init__(self, url, prefix="strategy", partitions=1):
        self.redis = redis.Redis.from_url(url, decode_responses=True)
        self.prefix, self.partitions = prefix, partitions

    def tag(self, user):
        """Where all keys of this user's requests begin: his partition stands in it."""
        return f"{self.prefix}:{{{binascii.crc_hqx(user.encode(), 0) % self.partitions}}}"

    # One request

    def ask(self, body, priority="normal", deadline=30.0, parent=None, tries=3):
        """The terminal event of one request and its payload. A refusal that passes is tried again, under
        a new id each time, no longer than `deadline` in all."""
        end = time.monotonic() + deadline
        for attempt in range(1, tries + 1):
            left = end - time.monotonic()
            event, payload = self.ask_once(body, priority, left, parent)
            wait = payload.get("retry_after_ms", 1000 * 2 ** attempt) / 1000
            # Full jitter: those who were refused together do not come back together.
            wait = random.uniform(0.5, 1.0) * wait
            is_passing = event == "rejected" and payload.get("code") in PASSING
            if not is_passing or attempt == tries or time.monotonic() + wait >= end:
                return event, payload
            time.sleep(wait)

    def ask_once(self, body, priority, seconds, parent=None):
        tag, request_id = self.tag(body["user_id"]), uuid.uuid4().hex
        entry = {"request_id": request_id, "payload": json.dumps(body), "v": "1",
                 "deadline_ms": max(100, int(seconds * 1000)), "traceparent": traceparent(parent)}
        stream = f"{tag}:requests:{priority}"
        self.redis.xadd(stream, entry)
        answer = self.wait(tag, request_id, seconds + 5)
        if answer is None:
            # The same entry under the same id: always safe, and the only remedy for what Redis lost.
            self.redis.xadd(stream, entry)
            answer = self.wait(tag, request_id, 10)
        if answer is None:
            raise NoAnswer(request_id)
        return answer

    def wait(self, tag, request_id, seconds, reply="reply"):
        """The terminal event and its payload; None when it does not come in time."""
        key, last, end = f"{tag}:{reply}:{request_id}", "0", time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            found = self.redis.xread({key: last}, block=max(1, min(2000, int(left * 1000))))
            for _, entries in found or []:
                for last, fields in entries:
                    if fields["event"] in TERMINAL:
                        self.redis.delete(key)  # read, and not needed any more
                        return fields["event"], json.loads(fields["payload"])
        return None

    def take_back(self, user, request_id, by):
        """It ends as `cancelled`, unless it has ended already."""
        self.redis.xadd(f"{self.tag(user)}:cancel", {"request_id": request_id, "by": by})

    # Many

    def room(self, user):
        """Until when to hold back, in seconds; 0 where a burst may come now."""
        load = self.redis.hgetall(f"{self.tag(user)}:load")
        if not load or load["accepting"] == "0":
            return 1.0  # nobody looks after the partition, or it is full: look again in a second
        return 0.0

    def batch(self, user, bodies, seconds=3600.0, priority="low"):
        """Asks for many with one entry: their answers by request_id, and the totals."""
        while (wait := self.room(user)) > 0:
            time.sleep(wait)
        tag, batch_id = self.tag(user), uuid.uuid4().hex
        requests = [{**body, "request_id": f"{batch_id}.{index}"} for index, body in enumerate(bodies)]
        self.redis.xadd(f"{tag}:requests:normal", {
            "type": "batch", "request_id": batch_id, "traceparent": traceparent(),
            "deadline_ms": int(seconds * 1000),
            "payload": json.dumps({"user_id": user, "batch_id": batch_id,
                                   "batch_priority": priority, "requests": requests})})
        answer = self.wait(tag, batch_id, seconds + 5)
        if answer is None:
            raise NoAnswer(batch_id)
        if answer[0] != "batch_complete":
            return {}, answer[1]
        answers = {one["request_id"]: self.wait(tag, one["request_id"], 5) for one in requests}
        return answers, answer[1]


def main():
    body = {"user_id": os.environ.get("USER", "somebody"),
            "user_intent": " ".join(sys.argv[1:]) or "a conservative income strategy",
            "market_context": {"symbol": "SPY", "current_price": 450.0, "vix": 18.5},
            "risk_preferences": {"risk_tolerance": "medium", "max_loss": 1000}, "max_cost_usd": 0.5}
    orchestrator = Orchestrator(
        os.environ.get("REDIS_URL", "redis://localhost:6379"),
        os.environ.get("STREAM_PREFIX", "strategy"), int(os.environ.get("PARTITIONS", "1")))
    event, payload = orchestrator.ask(body)
    print(json.dumps({"event": event, **payload}, indent=2, ensure_ascii=False))
    return 0 if event == "result" else 2


if __name__ == "__main__":
    sys.exit(main())
