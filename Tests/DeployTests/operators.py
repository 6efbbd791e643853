#!/usr/bin/env python3
"""What operators see is one truth: a burst shows the same numbers in the console, in Prometheus, in
strategyctl and in PostgreSQL. And how strategyctl behaves on a terminal and in a pipe.

BURST is the number of requests, by default 500; with 10000 it takes half a minute."""
import json
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import sys
import time
import xml.dom.minidom

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "DocumentTests"))
sys.path.insert(0, str(HERE.parent / "ChaosTests"))
import rig  # noqa: F401
from rig.database import Database
from support.checks import check, run, wait_until
from support.stack import Stack, fetch, freeze, program

TAG = "strategy:{0}"
BURST = int(os.environ.get("BURST") or 500)


class Operated(Stack):
    """A stack whose supervisors carry the ledger to PostgreSQL."""

    def __init__(self, database):
        super().__init__()
        self.database = database

    def start_supervisor(self, name="supervisor", **variables):
        return super().start_supervisor(
            name, DATABASE_URL=self.database.url("strategy_service"), **variables)


def ctl(stack, *arguments, ok=True):
    done = subprocess.run(
        [program("strategyctl"), *arguments], capture_output=True, text=True, timeout=120,
        stdin=subprocess.DEVNULL, env={"PATH": os.environ["PATH"], "REDIS_URL": stack.redis_url})
    assert (done.returncode == 0) == ok, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def plain(page):
    """In one line, however it was broken."""
    return " ".join(page.split())


def samples(page, name):
    return {labels: float(value) for labels, value in
            re.findall(rf"^{name}(?:\{{([^}}]*)\}})? (\S+)$", page, re.M)}


@check(f"a burst of {BURST} shows the same numbers everywhere")
def one_truth(stack):
    report = json.loads(ctl(
        stack, "bench", "--rate", "1000", "--seconds", str(BURST / 1000), "--users", "50", "--json",
        "--priorities", "high:1,normal:2,low:1", "--deadline", "60"))
    asked, results = report["asked"], report["events"]["result"]
    assert asked == BURST and report["unanswered"] == 0, report["events"]
    totals = wait_until(lambda: (t := json.loads(fetch(stack.supervisor.health_url + "/api/now"))["totals"])
                        and t["ended"] == asked and t, "the console has counted all")
    page = fetch(stack.supervisor.health_url + "/metrics")
    ended = samples(page, "gpt4_strategy_requests_total")
    cost = sum(samples(page, "gpt4_strategy_cost_usd_total").values())
    top = json.loads(ctl(stack, "top", "--json"))["totals"]
    wait_until(lambda: not stack.redis.xlen(f"{TAG}:ledger"), "all of it is in PostgreSQL")
    terminal, requests, answered, nanousd = (int(number) for number in stack.database.sql(
        "SELECT count(*) FILTER (WHERE terminal), count(DISTINCT request_id), "
        "count(*) FILTER (WHERE event = 'result'), sum(cost_nanousd) FROM gpt4_usage_log").split("|"))
    assert sum(ended.values()) == totals["ended"] == top["ended"] == terminal == requests == asked
    assert ended['outcome="result",code="none"'] == totals["results"] == top["results"] == results
    assert answered == results
    by_code = {f'outcome="{event}",code="{code or "none"}"': float(count) for event, code, count in (
        line.split("|") for line in stack.database.sql(
            "SELECT event, code, count(*) FROM gpt4_usage_log WHERE terminal GROUP BY 1, 2").splitlines())}
    assert by_code == {labels: count for labels, count in ended.items() if count}, (by_code, ended)
    for told in (cost, totals["cost_usd"], top["cost_usd"], report["cost_usd"]):
        assert abs(told - nanousd / 1e9) < 1e-6, (told, nanousd)
    users = dict(line.split("|") for line in stack.database.sql(
        "SELECT user_id, sum(cost_nanousd) FROM gpt4_usage_log GROUP BY 1").splitlines())
    user = min(users)
    own = json.loads(fetch(f"{stack.supervisor.health_url}/user/{user}/usage"))
    assert round(own["totals"]["cost_usd"] * 1e9) == int(users[user]), (own["totals"], users[user])
    records = int(stack.database.sql("SELECT count(*) FROM audit_log"))
    print(f"{asked} asked: {terminal} ended, {results} results, {nanousd / 1e9:.6f} USD, of "
          f"{len(users)} users, {records} audit records; {by_code}")
    timed = samples(page, "gpt4_strategy_response_time_seconds_count")
    assert sum(timed.values()) == results and timed['priority="low"'] > 0, timed
    assert top["sources"] == totals["sources"] and sum(top["sources"].values()) == results
    # No key of a request that was read and deleted is left, and no user is in a metric.
    assert not list(stack.redis.scan_iter(f"{TAG}:reply:*", count=10_000))
    assert "bench-" not in page


@check("a page of metrics takes less than five milliseconds")
def scrape(stack):
    took = []
    for _ in range(20):
        start = time.perf_counter()
        fetch(stack.supervisor.health_url + "/metrics")
        took.append(time.perf_counter() - start)
    # The best of many: what others do on this machine is not the page's.
    assert min(took) < 0.005, min(took)


@check("bench: batches, a closed loop and a picture; what cannot be is refused by name")
def bench(stack):
    picture = stack.folder / "latency.svg"
    page = ctl(stack, "bench", "--concurrency", "20", "--seconds", "1", "--svg", str(picture),
               "--sizes", "small:1,medium:1,large:1")
    assert "p99.9" in page and "met" in page and "\x1b" not in page, page
    assert xml.dom.minidom.parse(str(picture)).documentElement.tagName == "svg"
    report = json.loads(ctl(stack, "bench", "--rate", "2", "--batch", "10", "--seconds", "1", "--json"))
    assert report["events"] == {"result": report["asked"], "cancelled": 0, "failed": 0, "rejected": 0}, report
    for words in ([], ["--rate", "1", "--concurrency", "1"], ["--rate", "0"], ["--rate", "1", "--users", "0"],
                  ["--rate", "1", "--tiers", "gold:1"], ["--rate", "1", "--priorities", "high:0"]):
        ctl(stack, "bench", *words, ok=False)
    free = json.loads(ctl(stack, "bench", "--rate", "30", "--seconds", "1", "--users", "1", "--tiers", "free:1",
                          "--json"))
    assert free["events"]["result"] <= 10 and free["codes"]["rate_limited"] > 0, free


@check("top and lag say why it waits; in a pipe once and without colours, on a terminal until q")
def live(stack):
    page = ctl(stack, "top")
    assert "All is well" in page and "\x1b" not in page and "alive" in page, page
    freeze(stack.worker)
    try:
        for number in range(7):
            stack.redis.xadd(f"{TAG}:requests:normal", {"request_id": f"s{number}", "payload": "{}"})
        page = wait_until(lambda: (p := ctl(stack, "top")) and "no worker shows a sign of life" in p and p, "why")
        assert "kill -CONT" in page and "7 requests wait" in page.replace("\n", " "), page
        assert "no worker shows" in ctl(stack, "lag")
    finally:
        stack.worker.send_signal(signal.SIGCONT)
    wait_until(lambda: "All is well" in ctl(stack, "top"), "it goes on")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(program("strategyctl"), ["strategyctl", "top", "--interval", "0.2"],
                  {"PATH": os.environ["PATH"], "REDIS_URL": stack.redis_url, "TERM": "xterm"})
    shown = b""
    end = time.monotonic() + 30
    while b"All is well" not in shown or shown.count(b"\x1b[H") < 3:
        assert time.monotonic() < end, shown[-2000:]
        if select.select([terminal], [], [], 1)[0]:
            shown += os.read(terminal, 65536)
    os.write(terminal, b"q")
    try:
        while chunk := os.read(terminal, 65536):
            shown += chunk
    except OSError:  # it has ended, and the terminal with it
        pass
    _, status = os.waitpid(pid, 0)
    assert status == 0 and shown.endswith(b"\x1b[?1049l"), (status, shown[-200:])
    watched = subprocess.Popen(
        [program("strategyctl"), "lag", "--watch", "--interval", "0.1", "--json"], stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "REDIS_URL": stack.redis_url})
    try:
        lines = [json.loads(watched.stdout.readline()) for _ in range(3)]
        assert all(line["waiting"] == 0 for line in lines), lines
    finally:
        watched.kill()
        watched.wait()
        watched.stdout.close()


@check("a worker that went away is named while too much waits for those that are left")
def gone(stack):
    second = stack.start_worker("second")
    before = json.loads(ctl(stack, "lag", "--json"))
    wait_until(lambda: len(stack.redis.xinfo_consumers(f"{TAG}:requests:normal", "workers")) == 2,
               "both are known")
    stack.misbehave({"mode": "slow", "latency_ms": "20000"})
    second.kill()
    second.wait()
    wait_until(lambda: stack.redis.hexists(f"{TAG}:counters", "workers_gone"), "it is missed", 60)
    pipe = stack.redis.pipeline(transaction=False)
    asked = json.dumps({"user_id": "crowd", "user_intent": "income",
                        "market_context": {"symbol": "SPY", "current_price": 450}})
    for number in range(300):
        pipe.xadd(f"{TAG}:requests:normal", {"request_id": f"c{number}", "payload": asked})
    pipe.execute()
    said = "a worker went away"
    page = wait_until(lambda: (p := plain(ctl(stack, "top"))) and said in p and p, "why", 60)
    assert "Start it again" in page and "All 100 slots are in use" in page, page
    assert said in plain(ctl(stack, "lag"))
    # The console reads the fleet once a second, and finds what top finds a moment later.
    now = lambda: json.loads(fetch(stack.supervisor.health_url + "/api/now"))["findings"]
    wait_until(lambda: any(said in one["what"] for one in now()), "the console says so")
    assert before["waiting"] == 0
    stack.misbehave()
    stack.start_worker("third")
    wait_until(lambda: json.loads(ctl(stack, "lag", "--json"))["waiting"] == 0, "it is cleared", 60)


if __name__ == "__main__":
    with Database() as database, Operated(database) as stack:
        wait_until(lambda: stack.redis.exists(f"{TAG}:lease"), "a supervisor leads")
        run(stack)
