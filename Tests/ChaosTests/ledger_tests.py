#!/usr/bin/env python3
"""The ledger: every row arrives once, whoever is killed while it is carried, and whoever is away."""
import json
import os
import random
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import rig  # noqa: F401
from support.checks import check, run, wait_until

from rig.database import Database
from rig.fleet import Fleet, key
from rig.load import Load, Pusher, await_answers

ROWS, KILLS = 200_000, 40
ALONE = int(os.environ.get("LEDGER_ROWS", "30000"))
REQUESTS = 5_000
COST = 14_000_000
CALL = json.dumps([{"model": "gpt-4-0125-preview", "prompt_tokens": 800, "cached_tokens": 0,
                    "completion_tokens": 200, "cost_nanousd": COST}])


def fill(fleet, count):
    """Rows as a commit writes them."""
    pipe = fleet.redis.pipeline(transaction=False)
    at = int(fleet.redis.time()[0]) * 1000 - 7_200_000  # of an hour that is over
    for n in range(count):
        pipe.xadd(key("ledger"), {
            "request_id": f"r{n}", "user": f"u{n % 100}", "attempt": "1", "terminal": "1",
            "event": "result", "code": "", "payer": "user", "cost_nanousd": str(COST + n),
            "estimated": "0", "facts": CALL, "at": str(at + n % 1000), "admitted": "1",
            "payload": '{"source":"model","validation":{"score":0.9}}', "record": '{"v":1}'})
        if n % 5_000 == 4_999:
            pipe.execute()
    pipe.execute()


@check(f"{ALONE} rows are carried by a supervisor that nobody disturbs")
def carried():
    with Database() as database, Fleet() as fleet:
        fill(fleet, ALONE)
        left = lambda: fleet.redis.xlen(key("ledger"))  # noqa: E731
        fleet.supervisor(DATABASE_URL=database.url("strategy_service"))
        wait_until(lambda: left() < ALONE, "the first rows carried")
        began, rest = time.monotonic(), left()
        wait_until(lambda: left() == 0, "the outbox empty", 120)
        pace = rest / (time.monotonic() - began)
        print(f"{pace:,.0f} rows a second")
        # What a machine with nothing else to do reaches is several times as much.
        assert pace > 1_000, pace
        assert int(database.sql("SELECT count(*) FROM gpt4_usage_log")) == ALONE


@check(f"a supervisor killed {KILLS} times while {ROWS} rows are carried: each is there once")
def killed():
    dice = random.Random(7)
    with Database() as database, Fleet() as fleet:
        fill(fleet, ROWS)
        left = lambda: fleet.redis.xlen(key("ledger"))  # noqa: E731
        began, variables = time.monotonic(), {"DATABASE_URL": database.url("strategy_service")}
        for number in range(KILLS):
            supervisor = fleet.supervisor(**variables)
            # So many at once that something is left for the last.
            goal = left() - ROWS // (KILLS + 10)
            wait_until(lambda: left() <= goal, "rows carried")
            time.sleep(dice.random() * 0.02)
            fleet.kill(supervisor)
            # Its lease is as dead as it is; waiting for that is not what is tested here.
            fleet.redis.delete(key("lease"))
        assert left() > 0, "all was carried before the last kill"
        fleet.supervisor(**variables)
        wait_until(lambda: left() == 0, "the outbox empty")
        told = f"{ROWS} rows, {KILLS} kills, {time.monotonic() - began:.1f} s"
        count, total = database.sql(
            "SELECT count(*), sum(cost_nanousd) FROM gpt4_usage_log").split("|")
        assert (int(count), int(total)) == (ROWS, ROWS * COST + ROWS * (ROWS - 1) // 2), (count, total)
        assert int(database.sql("SELECT count(DISTINCT request_id) FROM gpt4_usage_log")) == ROWS
        database.ctl("audit", "verify")
        database.ctl("ledger", "verify", redis_url=fleet.redis_url)
        print(told)


@check(f"{REQUESTS} requests without PostgreSQL: none is late, and then every row arrives once")
def away():
    with Database() as database, Fleet(
            simulator={"SIMULATOR_LATENCY_MS": "50"},
            supervisor={"DATABASE_URL": database.url("strategy_service")}) as fleet:
        fleet.start_fleet(workers=2, supervisors=1)
        load = Load(fleet, random.Random(11), "away")
        fleet.misbehave()
        # Money is no matter here: each user may have what he asks for.
        for user in [*load.users, *load.tight]:
            fleet.redis.hset(key(f"user:{user}:profile"), mapping={
                "tier": "enterprise", "requests_per_hour": "1000000",
                "cost_per_hour_nanousd": str(10**15)})
        wait_until(lambda: fleet.redis.get(key("epoch")), "an epoch begun")

        def answered(count):
            requests, began = load.make(count, 60), time.monotonic()
            pusher = Pusher(fleet, requests, 1)
            pusher.start()
            pusher.join(60)
            assert not await_answers(fleet, requests, 60)
            return requests, (time.monotonic() - began) / count
        _, calm = answered(REQUESTS // 5)
        database.kill()
        requests, alone = answered(REQUESTS)
        assert fleet.redis.xlen(key("ledger")) >= REQUESTS
        # As fast as with it, as far as a busy machine can tell.
        print(f"{alone * 1000:.2f} ms a request without PostgreSQL, {calm * 1000:.2f} with it")
        assert alone < 2 * calm + 0.002, f"{alone * 1000:.2f} ms a request, {calm * 1000:.2f} with it"
        assert database.start()
        began = time.monotonic()
        wait_until(lambda: fleet.redis.xlen(key("ledger")) == 0, "the outbox empty")
        print(f"carried {time.monotonic() - began:.1f} s after PostgreSQL was back")
        expected = REQUESTS + REQUESTS // 5
        rows = database.sql("SELECT count(*), count(DISTINCT request_id) FROM gpt4_usage_log "
                            "WHERE terminal").split("|")
        assert rows == [str(expected)] * 2, rows
        for user in {one.user for one in requests}:
            redis_says = int(fleet.redis.hget(key(f"user:{user}:cost"), "settled_nanousd") or 0)
            ledger_says = int(database.sql(
                "SELECT coalesce(sum(cost_nanousd), 0) FROM gpt4_usage_log WHERE payer = 'user' "
                f"AND user_id = '{user}'"))
            assert redis_says == ledger_says, (user, redis_says, ledger_says)
        database.ctl("ledger", "verify", redis_url=fleet.redis_url)
        database.ctl("audit", "verify")
        tokens = database.sql("SELECT sum(prompt_tokens), sum(completion_tokens) FROM gpt4_usage_log")
        usage = fleet.usage()
        told = [str(usage["total"][name]) for name in ("prompt_tokens", "completion_tokens")] \
            if "total" in usage else None
        assert told is None or tokens.split("|") == told, (tokens, told)


@check("an audit record that somebody changed is known without being asked for, and so is its repair")
def changed():
    with Database() as database, Fleet() as fleet:
        fill(fleet, 450)
        supervisor = fleet.supervisor(DATABASE_URL=database.url("strategy_service"))
        walked = lambda: fleet.metric(supervisor, "strategy_supervisor_audit_")  # noqa: E731
        name = "strategy_supervisor_audit_"
        wait_until(lambda: walked()[name + "walked_total"] == 450, "all walked")
        assert (walked()[name + "broken"], walked()[name + "unwalked"]) == (0, 0), walked()

        def meanwhile(change):
            # A superuser past the triggers, as nobody else could.
            database.sql("SET session_replication_role = replica; UPDATE audit_log SET "
                         f"content = {change} WHERE seq = 200")
        meanwhile(r"content || '\x20'::bytea")
        # Another leads from now on, and begins where the chain does.
        fleet.kill(supervisor)
        fleet.redis.delete(key("lease"))
        supervisor = fleet.supervisor(DATABASE_URL=database.url("strategy_service"))
        wait_until(lambda: walked()[name + "broken"] == 1, "the chain is found broken")
        log = (fleet.folder / f"{supervisor.name}.log").read_text()
        said = [json.loads(line) for line in log.splitlines() if "chain is broken" in line]
        assert [(one["partition"], one["seq"]) for one in said] == [("0", "200")], said
        meanwhile("substring(content FOR length(content) - 1)")
        wait_until(lambda: walked()[name + "broken"] == 0, "and whole again")
        # What is added afterwards is walked as it comes.
        fill(fleet, 30)
        wait_until(lambda: walked()[name + "walked_total"] >= 450 + 30, "the new ones, too")
        assert walked()[name + "broken"] == 0


run()
