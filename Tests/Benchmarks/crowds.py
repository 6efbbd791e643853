#!/usr/bin/env python3
"""What a crowd costs: who waits how long beside it, what it does to throughput and memory.

    crowds.py [--scale SHARE] [priorities] [throughput] [estimate] [million]      by default all

Prints its figures as lines of JSON, then one table a row, and in the end what of it is not as promised.
Starts servers of its own; the programs are those of STRATEGY_BIN, by default .build/release. At scale 1 it
takes some five minutes of a machine that does nothing else; smaller it is for trying the script itself.
"""
import argparse
import json
import pathlib
import subprocess
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


def waited(timing):
    """From the entry's ID to its answer, all but the time at the model."""
    return timing["total_ms"] - timing["model_ms"]


ROWS_TOLD, BROKEN = {}, []


def told(row, **figures):
    ROWS_TOLD.setdefault(row, []).append(figures)
    print(json.dumps({"row": row, **figures}), flush=True)


def promised(holds, sentence):
    if not holds:
        BROKEN.append(sentence)


def tables():
    for row, lines in ROWS_TOLD.items():
        print(f"\n{row}\n")
        print("| " + " | ".join(lines[0]) + " |\n" + "| --- " * len(lines[0]) + "|")
        for figures in lines:
            print("| " + " | ".join("" if v is None else f"{v:,}" if isinstance(v, int) else str(v)
                                    for v in figures.values()) + " |")


def priorities(scale):
    """A burst in low; 20 users send single requests in normal and high meanwhile. Without a pace, and with
    one that the burst fills."""
    latency = 200
    for pace in ("1000000", "600"):
        count = int(10_000 * scale)
        with Stand(latency, 50, workers=2, REQUESTS_PER_MINUTE=pace) as stand:
            crowd = [f"low-{n}" for n in range(count)]
            stand.add(crowd, "low", 1_000)
            singles = {"normal": [], "high": []}
            end, n = time.monotonic() + 15, 0
            while time.monotonic() < end and stand.length() > 0:
                for queue, ids in singles.items():
                    ids.append(f"{queue}-{n}")
                    stand.add(ids[-1:], queue, 1, first=2_000 + n % 20)
                    n += 1
                time.sleep(0.1)
            for queue, ids in singles.items():
                ends = stand.until_ended(ids, 60)
                wait = [waited(p["timing"]) for event, p, _ in ends if event == "result"]
                told("priorities", pace_a_minute=int(pace), queue=queue, answered=len(wait), of=len(ids),
                     wait_p50_ms=quantile(wait, .5), wait_p99_ms=quantile(wait, .99))
                promised(len(wait) == len(ids), f"{queue}: {len(wait)} of {len(ids)} answered")
                # One service time, and the way to a reply.
                promised(quantile(wait, .99) <= latency + 50,
                         f"{queue} waits {quantile(wait, .99)} ms beside a burst, at a pace of {pace}")
            ends = [e for e in stand.ends(crowd) if e and e[0] == "result"]
            wait = [waited(p["timing"]) for _, p, _ in ends]
            told("priorities", pace_a_minute=int(pace), queue="low", answered=len(ends), of=count,
                 wait_p50_ms=quantile(wait, .5), wait_p99_ms=quantile(wait, .99))


def throughput(scale):
    """The same load in low beside singles, and all of it in normal; slots bound it, not the machine."""
    crowd_size, singles, found = int(700 * scale), int(70 * scale), {}
    for name in ("all in normal", "with priorities", "all in normal", "with priorities"):
        with Stand(400, 20) as stand:
            crowd = [f"c-{n}" for n in range(crowd_size)]
            single = [f"s-{n}" for n in range(singles)]
            # Long enough for all to be answered, whatever the stream's own patience.
            patient = {"deadline_ms": "3600000"}
            crowded = "low" if name == "with priorities" else "normal"
            start = time.monotonic()
            stand.add(crowd, crowded, 1_000, **patient)
            for n, id in enumerate(single):
                queue = ("normal", "high")[n % 2] if name == "with priorities" else "normal"
                stand.add([id], queue, 1, first=2_000 + n % 20, **patient)
                time.sleep(0.02)
            while stand.length("low") + stand.length("normal") + stand.length("high"):
                time.sleep(0.02)
            seconds = time.monotonic() - start
            found.setdefault(name, []).append(seconds)
            told("throughput", load=name, requests=crowd_size + singles, seconds=round(seconds, 2),
                 per_second=round((crowd_size + singles) / seconds, 1))
    ratio = sum(found["all in normal"]) / sum(found["with priorities"])
    told("throughput", load="with priorities, of without", requests=None, seconds=None,
         per_second=f"{ratio:.3f}")
    promised(ratio >= 0.97, f"with priorities {ratio:.3f} of the throughput without")


def estimate(scale):
    """What was estimated while a burst waited, by what it then was."""
    for latency, slots, count in ((200, 20, 2_000), (1_000, 50, 1_000)):
        count = int(count * scale)
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
                time.sleep(0.5)
            ends = stand.until_ended([id for id, _ in probes], 60) if probes else []
            for (_, estimated), (event, body, _) in zip(probes, ends):
                if event == "result" and body["timing"]["queued_ms"] > 2_000:
                    seen.append(estimated / body["timing"]["queued_ms"])
            told("estimate", latency_ms=latency, slots=slots, probes=len(seen),
                 **{f"estimated_by_real_{name}": seen and round(quantile(seen, q), 2) or None
                    for name, q in (("least", 0), ("p50", .5), ("most", 1))})


# So many entries in one call, as an orchestrator adds them.
FILL = """
for n = tonumber(ARGV[1]), tonumber(ARGV[2]) do
    redis.call('XADD', KEYS[1], '*', 'request_id', 'w-' .. n, 'payload',
        ARGV[3] .. (n % 100000) .. ARGV[4])
end
"""


def fill(stand, count):
    """Adds so many to low, whose ids are new."""
    before, behind = payload("u%").split("%")
    first = stand.redis.xinfo_stream(f"{STEM}requests:low")["entries-added"]
    for start in range(first, first + count, 10_000):
        stand.redis.eval(FILL, 1, f"{STEM}requests:low", start,
                         min(start + 10_000, first + count) - 1, before, behind)


def lags(stand, times=15):
    """How long `strategyctl lag` takes as a process, ms, sorted."""
    took = []
    for _ in range(times):
        start = time.monotonic()
        subprocess.run([program("strategyctl"), "lag"], check=True, stdout=subprocess.DEVNULL,
                       env={"REDIS_URL": stand.redis_url}, cwd=stand.folder)
        took.append((time.monotonic() - start) * 1000)
    return sorted(took)


def paused(stand, is_paused):
    """As the supervisor would, and once workers know."""
    if is_paused:
        stand.redis.hset(f"{STEM}paused", mapping={"by": "bench", "at": 1})
        time.sleep(2.5)
    else:
        stand.redis.delete(f"{STEM}paused")


def million(scale):
    """The cost of a request with 1,000 and with 1,000,000 waiting behind it, and what those take. Of some
    passes the cheapest counts: what else the machine does only adds to it."""
    done, costs = int(19_000 * scale), {}
    with Stand(0, 50) as stand:
        paused(stand, True)
        for backlog, passes in ((1_000, 3), (int(1_000_000 * scale), 2)):
            before, have = stand.redis.info("memory")["used_memory"], stand.length()
            fill(stand, backlog - have)
            grown = (stand.redis.info("memory")["used_memory"] - before) / (backlog - have)
            lag, seen = lags(stand), []
            for _ in range(passes):
                fill(stand, backlog + done - stand.length())
                seen.append(one_pass(stand, done))
            costs[backlog] = [min(part) for part in zip(*seen)]
            worker, redis_server, seconds = costs[backlog]
            told("million", waiting=backlog, redis_bytes_an_entry=round(grown),
                 redis_mib=round(stand.redis.info("memory")["used_memory"] / 2**20),
                 worker_mib=round(stand.resident_mib(stand.worker)),
                 worker_us=round(worker, 1), redis_us=round(redis_server, 1),
                 per_second=round(done / seconds), lag_p50_ms=round(quantile(lag, .5), 1),
                 lag_most_ms=round(lag[-1], 1))
        few, many = costs.values()
        for index, what in enumerate(("the worker", "Redis")):
            ratio = many[index] / few[index]
            promised(ratio <= 1.05, f"a request costs {what} {ratio:.3f} of what it does at 1,000")
        promised(quantile(lag, .5) < 50, f"lag takes {quantile(lag, .5):.0f} ms")


def one_pass(stand, done):
    """Lets so many be answered: processor time of the worker and of Redis for one, us; and seconds."""
    processes = stand.worker, stand.processes[0]
    before, start = [stand.cpu(one) for one in processes], time.monotonic()
    target = stand.length() - done
    paused(stand, False)
    while stand.length() > target:
        time.sleep(0.02)
    seconds, over = time.monotonic() - start, target - stand.length()
    used = [(stand.cpu(one) - was) / (done + over) * 1e6 for one, was in zip(processes, before)]
    paused(stand, True)
    return *used, seconds


ROWS = {f.__name__: f for f in (priorities, throughput, estimate, million)}


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    asked.add_argument("--scale", type=float, default=1.0)
    asked.add_argument("rows", nargs="*", choices=[*ROWS, []])
    asked = asked.parse_args()
    began = time.monotonic()
    for name in asked.rows or ROWS:
        ROWS[name](asked.scale)
    tables()
    print(f"\n{time.monotonic() - began:.0f} s at scale {asked.scale:g}")
    for sentence in BROKEN:
        print(f"NOT AS PROMISED: {sentence}")
    sys.exit(1 if BROKEN else 0)


if __name__ == "__main__":
    main()
