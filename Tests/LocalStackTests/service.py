"""Workers and supervisors with a prefix of their own, and what an orchestrator asks of them."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "DocumentTests"))
from support.checks import wait_until
from support.stack import program

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
            CACHE_TTL="0", DEFAULT_TIER="enterprise", REQUESTS_PER_MINUTE="1000000", FAULT_AT=at,
            **self.common)
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
        assert r.zcard(self.key("due")) == counters.get("admitted", 0) - counters.get("ended", 0)
        for queue in ("retry", "high", "normal", "low"):
            stream = r.xinfo_stream(self.key(f"requests:{queue}"))
            left = sum(counters.get(f"{way}:{queue}", 0) for way in (
                "finished", "dead", "requeued", "released", "duplicate", "ghosts", "overloaded",
                "unacknowledged"))
            assert stream["entries-added"] == left + stream["length"], (queue, counters)
        terminal = [f["request_id"] for _, f in r.xrange(self.key("ledger"))
                    if f["terminal"] == "1"]
        assert len(terminal) == len(set(terminal)), "two terminal rows of one request"
