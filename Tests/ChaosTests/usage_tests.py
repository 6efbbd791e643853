#!/usr/bin/env python3
"""Questions for usage: answered from PostgreSQL, and in nobody's way when it is slow or away."""
import json
import os
import signal
import sys
import time
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import rig  # noqa: F401
from support.checks import check, run, wait_until
from support.stack import fetch

from rig.database import Database
from rig.fleet import Fleet, key
from rig.load import payload

MAX_USAGE = 2
HELD = MAX_USAGE * 17


class Service(Fleet):
    """A fleet over a database; workers read usage as a role that may do nothing else."""

    def __init__(self, database):
        super().__init__(
            worker={"DATABASE_READ_URL": database.url("strategy_read"), "MAX_USAGE": str(MAX_USAGE),
                    "DEFAULT_TIER": "premium"},
            supervisor={"DATABASE_URL": database.url("strategy_service"),
                        "DATABASE_READ_URL": database.url("strategy_read"), "DEFAULT_TIER": "premium"})

    def ask(self, request_id, body, **fields):
        body = body if isinstance(body, str) else json.dumps(body)
        self.redis.xadd(key("requests:normal"), {"request_id": request_id, "payload": body, **fields})

    def ending(self, request_id, seconds=30):
        def found():
            events = self.redis.xrange(key(f"reply:{request_id}"))
            return events and (events[-1][1]["event"], json.loads(events[-1][1]["payload"]))
        return wait_until(found, f"{request_id} answered", seconds)

    def usage(self, request_id, body=None, **fields):
        self.ask(request_id, body or {"user_id": "ann"}, type="usage", **fields)
        return self.ending(request_id)

    def page(self, user):
        port = self.supervisors[0].port_file.read_text().strip()
        request = urllib.request.Request(f"http://127.0.0.1:{port}/user/{user}/usage")
        return json.loads(fetch(request))


@check("usage over the streams and on the supervisor's page agree with what was answered and is left")
def agrees():
    with Database() as database, Service(database) as s:
        s.start_fleet(workers=1, supervisors=1)
        paid = 0
        for number in range(3):
            s.ask(f"r{number}", payload("ann", f"{number}"))
            event, told = s.ending(f"r{number}")
            assert event == "result", told
            paid += told["usage"]["cost_usd"]
        s.ask("bad", json.dumps({**json.loads(payload("ann", "x")), "max_cost_usd": 0.0001}))
        assert s.ending("bad")[0] == "rejected"
        wait_until(lambda: s.redis.xlen(key("ledger")) == 0, "all is carried")
        event, usage = s.usage("u1")
        assert event == "result", usage
        expected = {"requests": 3, "results": 3, "rejected": 1, "failed": 0}
        totals = dict(usage["totals"])
        assert abs(totals.pop("cost_usd") - paid) < 1e-9 and totals == expected, usage
        assert usage["rejections"] == {"max_cost_too_low": 1}, usage
        assert sum(one["calls"] for one in usage["models"]) == 3, usage
        limits = usage["limits"]
        assert (limits["tier"], limits["requests_left"]) == ("premium", 197), limits
        assert abs(limits["cost_left_usd"] - (50 - paid)) < 1e-9 and limits["resets_at"], limits
        # The question itself was carried, and is no request of his.
        wait_until(lambda: s.redis.xlen(key("ledger")) == 0, "the question is carried, too")
        page = s.page("ann")
        assert page["totals"] == usage["totals"] and page["limits"] == limits, page
        assert s.usage("u2", {"user_id": "nobody"})[1]["totals"]["requests"] == 0
        # The same question again is answered once; another's under its id is refused.
        s.ask("u1", {"user_id": "ann"}, type="usage")
        s.ask("u1", {"user_id": "eve"}, type="usage")
        wait_until(lambda: [one["event"] for _, one in s.redis.xrange(key("reply:u1"))]
                   == ["result", "refused"], "refused")
        wait_until(lambda: s.redis.xlen(key("requests:normal")) == 0, "no entry left")
        database.ctl("ledger", "verify", redis_url=s.redis_url)
        database.ctl("audit", "verify")


@check("PostgreSQL that says nothing keeps strategies from nothing, and questions within their bounds")
def apart():
    with Database() as database, Service(database) as s:
        s.start_fleet(workers=1, supervisors=1)
        assert s.usage("warm")[0] == "result"
        count = HELD + 20
        database.process.send_signal(signal.SIGSTOP)
        for pid in database.backends():
            os.kill(pid, signal.SIGSTOP)
        try:
            for number in range(count):
                s.ask(f"u{number}", {"user_id": "ann"}, type="usage", deadline_ms="4000")
            began = time.monotonic()
            for number in range(60):
                s.ask(f"r{number}", payload(f"u{number}", f"{number}"))
            assert all(s.ending(f"r{number}")[0] == "result" for number in range(60))
            took = time.monotonic() - began
            assert took < 3, f"{took:.1f} s for 60 strategies beside {count} questions"
            ends = [s.ending(f"u{number}") for number in range(count)]
        finally:
            for pid in database.backends():
                os.kill(pid, signal.SIGCONT)
            database.process.send_signal(signal.SIGCONT)
        codes = [told["code"] for _, told in ends]
        assert codes.count("overloaded") == 20, codes
        assert codes.count("deadline") + codes.count("upstream_error") == HELD, codes
        assert all(told["retry_after_ms"] == 1000 for _, told in ends if told["code"] == "overloaded")
        wait_until(lambda: s.usage(f"later-{time.monotonic_ns()}")[0] == "result", "it answers again")


@check("without PostgreSQL a question fails at once, or is refused where there never is one")
def without():
    with Database() as database, Service(database) as s:
        worker = s.worker()
        assert s.usage("u1")[0] == "result"
        database.kill()
        event, told = s.usage("u2")
        assert (event, told["code"], told["attempts"]) == ("failed", "upstream_error", 1), told
        s.ask("r1", payload("ann", "alone"))
        assert s.ending("r1")[0] == "result"
        assert database.start()
        wait_until(lambda: s.usage(f"u-{time.monotonic_ns()}")[0] == "result", "it answers again")
        s.end(worker)
        s.worker(DATABASE_READ_URL="")
        event, told = s.usage("u4")
        assert (event, told["code"], told["field"]) == ("rejected", "invalid_request", "type"), told


@check("a question whose worker dies is answered by another")
def taken_over():
    with Database() as database, Service(database) as s:
        s.start_fleet(workers=1, supervisors=1)
        first = s.workers[0]
        assert s.usage("warm")[0] == "result"
        for pid in [database.process.pid, *database.backends()]:
            os.kill(pid, signal.SIGSTOP)
        try:
            s.ask("u1", {"user_id": "ann"}, type="usage")
            wait_until(lambda: s.redis.xpending(key("requests:normal"), "workers")["pending"], "read")
            s.kill(first)
        finally:
            for pid in [*database.backends(), database.process.pid]:
                os.kill(pid, signal.SIGCONT)
        s.worker()
        event, told = s.ending("u1")
        assert event == "result" and told["user_id"] == "ann", told
        assert s.redis.xrange(key("reply:u1"))[-1][1]["attempt"] == "2"


run()
