#!/usr/bin/env python3
"""No answer leaves without its record, in the same step."""
import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import rig  # noqa: F401
from support.checks import check, run, wait_until

from rig.fleet import Fleet, key
from rig.load import payload


@check("no result leaves before its record is in the outbox: where that cannot be written, neither is")
def together():
    with Fleet(simulator={"SIMULATOR_LATENCY_MS": "700"}) as fleet:
        fleet.worker()
        fleet.redis.xadd(key("requests:normal"), {
            "request_id": "r1", "payload": payload("ann", "x"), "events": "all"})
        wait_until(lambda: fleet.redis.hget(key("request:r1"), "calling"), "at the model")
        assert fleet.redis.xlen(key("ledger")) == 0
        # Something that is no outbox stands in its place.
        fleet.redis.set(key("ledger"), "x")
        wait_until(lambda: "Redis refuses a script" in fleet.log(fleet.workers[0].name), "the commit refused")
        events = [fields["event"] for _, fields in fleet.redis.xrange(key("reply:r1"))]
        assert "result" not in events and fleet.redis.hget(key("request:r1"), "state") == "running", events
        fleet.redis.delete(key("ledger"))

        def both():
            # In one step of Redis: whoever sees the one, sees the other.
            pipe = fleet.redis.pipeline(transaction=True)
            replies, rows = pipe.xrange(key("reply:r1")).xrange(key("ledger")).execute()
            told = [fields for _, fields in replies if fields["event"] == "result"]
            assert len(told) == len(rows), (told, rows)
            return told and (told[0], rows[0][1])
        told, row = wait_until(both, "answered, and in the outbox")
        assert row["payload"] == told["payload"] and row["terminal"] == "1"
        record = json.loads(row["record"])
        assert record["request"]["user_id"] == "ann" and record["answer"], record
        assert fleet.usage()["total"]["calls"] == 1, "what was paid for was kept meanwhile"


run()
