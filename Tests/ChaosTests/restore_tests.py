#!/usr/bin/env python3
"""The restore of deploy/runbooks/backup-and-restore.md, rehearsed on two servers."""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import rig  # noqa: F401
from support.checks import check, run, wait_until
from support.stack import PATH

from rig.database import Database
from rig.fleet import Fleet, key


def add(fleet, first, count):
    pipe = fleet.redis.pipeline(transaction=False)
    at = int(fleet.redis.time()[0]) * 1000 - 7_200_000
    for n in range(first, first + count):
        pipe.xadd(key("ledger"), {
            "request_id": f"r{n}", "user": "u", "attempt": "1", "terminal": "1", "event": "result",
            "code": "", "payer": "user", "cost_nanousd": "7", "estimated": "0", "facts": "[]",
            "at": str(at + n), "admitted": "1", "payload": '{"a":1}', "record": '{"v":1}'})
    pipe.execute()


def tool(*words):
    done = subprocess.run(words, env={"PATH": PATH, "LANG": "C.UTF-8"}, capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, timeout=120)
    assert done.returncode == 0, f"{words[0]}: {done.stderr}"


@check("a restored server has all that was saved, proves it, and is carried on to")
def restored():
    with Database() as old, Database() as new, Fleet() as fleet:
        empty = lambda: fleet.redis.xlen(key("ledger")) == 0  # noqa: E731
        add(fleet, 0, 3_000)
        first = fleet.supervisor(DATABASE_URL=old.url("strategy_service"))
        wait_until(empty, "the outbox empty")
        fleet.end(first)
        dump, heads = str(fleet.folder / "strategy.dump"), str(fleet.folder / "heads.txt")
        tool("pg_dump", old.url("postgres"), "--format", "custom", "--file", dump)
        with open(heads, "w") as file:
            file.write(old.ctl("audit", "checkpoint"))
        add(fleet, 3_000, 500)
        old.kill()
        # An empty database of that name, with the roles: what roles.sql leaves.
        new.ctl("migrate", "down", "--to", "0", "--yes")
        new.sql("DROP TABLE schema_migrations")
        tool("pg_restore", "--dbname", new.url("postgres"), "--exit-on-error", dump)
        new.ctl("migrate", "up")
        new.ctl("audit", "verify", "--against", heads)
        fleet.redis.delete(key("lease"))
        fleet.supervisor(DATABASE_URL=new.url("strategy_service"))
        wait_until(empty, "the outbox empty")
        assert new.sql("SELECT count(*), sum(cost_nanousd) FROM gpt4_usage_log") == "3500|24500"
        new.ctl("audit", "verify", "--against", heads)
        new.ctl("ledger", "verify", redis_url=fleet.redis_url)
        # A trail that ends before the heads that were kept is not the one that was saved.
        new.sql("SET session_replication_role = replica; DELETE FROM audit_log WHERE seq > 2000; "
                "UPDATE ledger_partition SET audit_seq = 2000, audit_hash = "
                "(SELECT hash FROM audit_log WHERE seq = 2000)")
        new.ctl("audit", "verify")
        said = new.ctl("audit", "verify", "--against", heads, ok=False)
        assert "2001" in said, said


run()
