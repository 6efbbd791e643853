#!/usr/bin/env python3
"""What a crowd costs: who waits how long beside it, what it does to throughput and memory.

    crowds.py [priorities] [throughput] [estimate] [million]      by default the first three

Prints one table a row, and its figures as a line of JSON. Starts servers of its own; the programs are
those of STRATEGY_BIN, by default .build/release.
"""
import json
import pathlib
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "DocumentTests"))
from support.stack import Stack, fetch, program  # noqa: E402

STEM = "strategy:{0}:"
TERMINAL = {"result", "rejected", "failed", "cancelled"}


class Stand(Stack):
    """The documents' stack, with a model that takes its time, and a supervisor."""

    def __init__(self, latency_ms, slots, workers=1, **variables):
        super().__init__()
        self.latency_ms, self.slots, self.variables = latency_ms, slots, variables
        self.workers = workers

    def _start_simulator(self):
        port_file = self.folder / "simulator.port"
        simulator = self.spawn(
            "simulator", [program("openai-simulator"), "--port", "0", "--port-file", str(port_file)],
            SIMULATOR_LATENCY_MS=str(self.latency_ms))
        self.simulator_url = f"http://127.0.0.1:{self._port(port_file, simulator, 'simulator')}"

    def start_worker(self, name="worker", **variables):
        shared = {"MAX_CONCURRENT_REQUESTS": str(self.slots), "LOG_LEVEL": "warning",
                  "MAX_PARKED_PER_USER": "1000", **self.variables, **variables}
        first = super().start_worker(name, **shared)
        self.all_workers = [first] + [
            super(Stand, self).start_worker(f"{name}-{n}", **shared) for n in range(1, self.workers)]
        paced = {k: v for k, v in self.variables.items() if k in ("REQUESTS_PER_MINUTE",)}
        self.supervisor = self.start_supervisor(
            LOG_LEVEL="warning", **{"REQUESTS_PER_MINUTE": "1000000", **paced})
        return first

    def add(self, ids, queue, users, first=0, **fields):
        for start in range(0, len(ids), 5_000):
            pipeline = self.redis.pipeline(transaction=False)
            for index, id in enumerate(ids[start:start + 5_000]):
                pipeline.xadd(f"{STEM}requests:{queue}", {
                    "request_id": id, "payload": payload(f"u{first + (start + index) % users}"), **fields})
            pipeline.execute()

    def ends(self, ids):
        """The payload of each one's answer, by Redis' clock when it was written; None: none."""
        found = []
        for start in range(0, len(ids), 5_000):
            pipeline = self.redis.pipeline(transaction=False)
            for id in ids[start:start + 5_000]:
                pipeline.xrange(f"{STEM}reply:{id}")
            for events in pipeline.execute():
                last = [e for e in events if e[1]["event"] in TERMINAL]
                found.append((last[0][1]["event"], json.loads(last[0][1]["payload"]),
                              int(last[0][1]["at"])) if last else None)
        return found

    def until_ended(self, ids, limit_s):
        end = time.monotonic() + limit_s
        while self.redis.exists(f"{STEM}reply:{ids[-1]}") == 0 or None in self.ends(ids):
            assert time.monotonic() < end, "not all were answered"
            time.sleep(0.5)
        return self.ends(ids)

    def length(self, queue="low"):
        return self.redis.xlen(f"{STEM}requests:{queue}")

    def cpu(self, process):
        fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def resident_mib(self, process):
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


def payload(user):
    return json.dumps({
        "user_id": user, "user_intent": "I want a conservative income strategy for SPY",
        "market_context": {"symbol": "SPY", "current_price": 450.0, "vix": 18.5, "trend": "bullish"},
        "risk_preferences": {"risk_tolerance": "medium", "max_loss": 1000}})


def quantile(values, q):
    values = sorted(values)
    return values[min(int(q * len(values)), len(values) - 1)] if values else None


def waits(ends):
    return [payload["timing"]["queued_ms"] for event, payload, _ in ends if event == "result"]


def told(row, **figures):
    print(json.dumps({"row": row, **figures}), flush=True)


def priorities():
    """A burst of 10,000 in low; 20 users send single requests in normal and high meanwhile."""
    for pace, count in (("1000000", 10_000), ("600", 10_000)):
        with Stand(200, 50, workers=2, REQUESTS_PER_MINUTE=pace) as stand:
            crowd = [f"low-{n}" for n in range(count)]
            stand.add(crowd, "low", 1_000)
            singles = {"normal": [], "high": []}
            end = time.monotonic() + 15
            n = 0
            while time.monotonic() < end and stand.length() > 0:
                for queue, ids in singles.items():
                    ids.append(f"{queue}-{n}")
                    stand.add(ids[-1:], queue, 1, first=2_000 + n % 20)
                    n += 1
                time.sleep(0.25)
            rows = {}
            for queue, ids in singles.items():
                ends = stand.until_ended(ids, 60)
                got = [p["timing"] for event, p, _ in ends if event == "result"]
                # From the entry's ID to the call: all but the time at the model.
                wait = [t["total_ms"] - t["model_ms"] for t in got]
                rows[queue] = (len(got), len(ids), quantile(wait, .5), quantile(wait, .99))
            ends = [e for e in stand.ends(crowd) if e and e[0] == "result"]
            wait = [p["timing"]["total_ms"] - p["timing"]["model_ms"] for _, p, _ in ends]
            rows["low"] = (len(ends), count, quantile(wait, .5), quantile(wait, .99))
            for queue, (some, of, p50, p99) in rows.items():
                told("priorities", pace=pace, queue=queue, answered=some, of=of, p50_ms=p50,
                     p99_ms=p99)


def throughput():
    """The same load in low beside singles, and all of it in normal; slots bound it, not the machine."""
    for name in ("all in normal", "with priorities", "all in normal", "with priorities"):
        with Stand(400, 20) as stand:
            crowd = [f"c-{n}" for n in range(1_000)]
            single = [f"s-{n}" for n in range(100)]
            start = time.monotonic()
            # Long enough for all to be answered, whatever the stream's own patience.
            patient = {"deadline_ms": "3600000"}
            crowded = "low" if name == "with priorities" else "normal"
            stand.add(crowd, crowded, 1_000, **patient)
            for n, id in enumerate(single):
                queue = ("normal", "high")[n % 2] if name == "with priorities" else "normal"
                stand.add([id], queue, 1, first=2_000 + n % 20, **patient)
                time.sleep(0.02)
            while stand.length("low") + stand.length("normal") + stand.length("high"):
                time.sleep(0.05)
            seconds = time.monotonic() - start
            told("throughput", load=name, requests=1_100, seconds=round(seconds, 2),
                 per_second=round(1_100 / seconds, 1))


def estimate():
    """What was estimated while a burst waited, by what it then was."""
    for latency, slots, count in ((200, 20, 3_000), (1_000, 50, 1_500)):
        with Stand(latency, slots) as stand:
            stand.add([f"c-{n}" for n in range(count)], "low", 500)
            probes, seen = [], []
            while stand.length() > slots:
                load = stand.redis.hgetall(f"{STEM}load")
                if load and int(load["waiting"]) > slots:
                    # Behind all: this one is what the estimate is of.
                    id = f"p-{len(probes)}"
                    stand.add([id], "low", 1)
                    probes.append((id, int(load["estimated_wait_ms"])))
                time.sleep(1)
            ends = stand.until_ended([id for id, _ in probes], 60)
            for (_, estimated), (event, body, _) in zip(probes, ends):
                if event == "result" and body["timing"]["queued_ms"] > 2_000:
                    seen.append(estimated / body["timing"]["queued_ms"])
            told("estimate", latency_ms=latency, slots=slots, probes=len(seen),
                 least=round(min(seen), 2), p50=round(quantile(seen, .5), 2),
                 most=round(max(seen), 2))


def million():
    """The cost of a request with 1,000 and with 1,000,000 waiting behind it."""
    with Stand(0, 50) as stand:
        redis_process = stand.processes[0]
        stand.redis.hset(f"{STEM}paused", mapping={"by": "bench", "at": 1})
        time.sleep(2.5)
        costs = {}
        for backlog in (1_000, 1_000_000):
            have = stand.length()
            before = stand.redis.info("memory")["used_memory"]
            stand.add([f"w-{n}" for n in range(have, backlog + 20_000)], "low", 100_000)
            added = stand.length() - have
            grown = stand.redis.info("memory")["used_memory"] - before
            took = []
            for _ in range(5):
                page = fetch(stand.supervisor.health_url + "/metrics")
                line = next(l for l in page.splitlines() if l.startswith(
                    'strategy_supervisor_script_duration_seconds_sum{script="measure"}'))
                count = next(l for l in page.splitlines() if l.startswith(
                    'strategy_supervisor_script_duration_seconds_count{script="measure"}'))
                took.append((float(line.split()[1]), int(count.split()[1])))
                time.sleep(1)
            measure_ms = 1000 * (took[-1][0] - took[0][0]) / max(took[-1][1] - took[0][1], 1)
            cpu = stand.cpu(stand.worker), stand.cpu(redis_process)
            target = stand.length() - 19_000
            stand.redis.delete(f"{STEM}paused")
            start = time.monotonic()
            while stand.length() > target:
                time.sleep(0.02)
            seconds = time.monotonic() - start
            stand.redis.hset(f"{STEM}paused", mapping={"by": "bench", "at": 1})
            done = 19_000
            cost = ((stand.cpu(stand.worker) - cpu[0]) / done * 1e6,
                    (stand.cpu(redis_process) - cpu[1]) / done * 1e6)
            time.sleep(3)
            told("million", waiting=backlog, redis_bytes_per_entry=round(grown / added),
                 redis_mib=round(stand.redis.info("memory")["used_memory"] / 2**20),
                 worker_mib=round(stand.resident_mib(stand.worker)),
                 worker_us=round(cost[0], 1), redis_us=round(cost[1], 1),
                 per_second=round(done / seconds), measure_ms=round(measure_ms, 2))


ROWS = {f.__name__: f for f in (priorities, throughput, estimate, million)}
for name in sys.argv[1:] or ["priorities", "throughput", "estimate"]:
    ROWS[name]()
