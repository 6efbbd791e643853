#!/usr/bin/env python3
"""AUDIT_MODE: no worker without a log that outlives Redis, unless told otherwise by name."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import rig  # noqa: F401
from support.checks import check, run, wait_until

from rig.fleet import ALWAYS, Fleet, key
from rig.load import payload


@check("a Redis without an append-only file is refused, unless it is said by name that it will do")
def refuses():
    with Fleet(persistence=("--appendonly", "no", "--save", "")) as fleet:
        started = fleet.spawn_worker("refused")
        assert started.wait(timeout=30) == 78, "a setting that cannot be used"
        assert "AUDIT_MODE" in fleet.log("refused") and "append-only" in fleet.log("refused")
        assert not fleet.redis.exists(key("requests:normal")), "nothing was begun"
        fleet.worker(AUDIT_MODE="best_effort")
        fleet.redis.xadd(key("requests:normal"), {"request_id": "r1", "payload": payload("ann", "x")})
        wait_until(lambda: fleet.redis.xlen(key("reply:r1")), "answered")
        # It is asked anew of every Redis that is there later.
        strict = fleet.spawn_worker("strict", AUDIT_MODE="required")
        assert strict.wait(timeout=30) == 78


@check("a Redis that lost its append-only file while a worker runs is not answered into")
def loses():
    with Fleet(persistence=ALWAYS) as fleet:
        worker = fleet.worker()
        fleet.redis.config_set("appendonly", "no")
        fleet.redis.client_kill_filter(_type="normal", skipme=True)
        assert worker.wait(timeout=30) == 78
        assert "AUDIT_MODE" in fleet.log(worker.name)


run()
