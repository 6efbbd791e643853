"""A Redis that can be killed, a simulator, workers and supervisors; gone when the test ends."""
import json
import signal
import time

import redis
from harness.servers import Server
from support.checks import wait_until
from support.stack import Stack, fetch, program

# Short, so that a round is: what is dead is taken back 3 s after this at the latest.
HEARTBEAT_TTL = 3
QUEUES = ("retry", "high", "normal", "low")
GROUP = "workers"
OUTAGES = (redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError)

ALWAYS = ("--appendonly", "yes", "--appendfsync", "always")
# Its files can be copied at any moment: nothing is rewritten meanwhile.
EVERY_SECOND = ("--appendonly", "yes", "--appendfsync", "everysec",
                "--auto-aof-rewrite-percentage", "0")

WORKER = {
    "HEARTBEAT_TTL": str(HEARTBEAT_TTL), "REQUESTS_PER_MINUTE": "1000000",
    "COST_PER_HOUR_LIMIT": "100000", "MAX_CONCURRENT_REQUESTS": "40",
    # One model, whose prices `history` knows.
    "OPENAI_FALLBACK_MODELS": "none", "REPLY_TTL": "7200",
    "DRAIN_TIMEOUT": "30",
}
SUPERVISOR = {"HEARTBEAT_TTL": str(HEARTBEAT_TTL), "REPLY_TTL": "7200"}


def key(name):
    return "strategy:{0}:" + name


def fleet_key(name):
    return "strategy:{global}:" + name


class Fleet(Stack):
    """`redis` is for the test's own thread; whoever else asks makes a `client` of its own."""

    def __init__(self, persistence=ALWAYS, simulator=None, worker=None, supervisor=None):
        super().__init__()
        self.server = Server(*persistence)
        self.simulator_variables = simulator or {}
        self.worker_variables = {**WORKER, **(worker or {})}
        self.supervisor_variables = {**SUPERVISOR, **(supervisor or {})}
        self.workers, self.supervisors, self.started = [], [], 0
        # Another program than the build's own, for the worker that is started next.
        self.binary = None

    def __enter__(self):
        try:
            self.server.__enter__()
            self.redis = self.server.client
            self.redis_url = f"redis://127.0.0.1:{self.server.port}"
            self._start_simulator()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        super().__exit__()
        self.server.__exit__()

    def client(self):
        return redis.Redis(port=self.server.port, decode_responses=True)

    def spawn(self, name, arguments, **variables):
        if name == "simulator":
            variables |= self.simulator_variables
        return super().spawn(name, [self.binary] if self.binary else arguments, **variables)

    def _named(self, kind):
        self.started += 1
        return f"{kind}{self.started}"

    def start_fleet(self, workers=2, supervisors=2):
        for _ in range(workers):
            self.worker()
        for _ in range(supervisors):
            self.supervisor()

    # Processes

    def worker(self, binary=None, **variables):
        """A new worker, ready; `name` is its consumer."""
        name = self._named("w")
        self.binary = binary
        worker = self.start_worker(
            name, **{**self.worker_variables, "CONSUMER_NAME": name, **variables})
        worker.name, self.binary = name, None
        self.workers.append(worker)
        return worker

    def spawn_worker(self, name, **variables):
        """A worker that nobody waits for: it may end as it starts."""
        return self.spawn(name, [program("strategy-worker")], **{
            **self.worker_variables, "REDIS_URL": self.redis_url, "OPENAI_BASE_URL": self.simulator_url,
            "OPENAI_API_KEY": "sk-sim-docs", "HEALTH_PORT": "0", **variables})

    def supervisor(self, binary=None, **variables):
        """A new supervisor that listens, or has ended by its fault already."""
        name = self._named("s")
        port_file = self.folder / f"{name}.port"
        process = self.spawn(
            name, [binary or program("strategy-supervisor")],
            **{**self.supervisor_variables, "REDIS_URL": self.redis_url, "HEALTH_PORT": "0",
               "HEALTH_PORT_FILE": str(port_file), "SUPERVISOR_NAME": name, **variables})
        process.name = name
        self.supervisors.append(process)
        wait_until(
            lambda: has_stopped(process) or port_file.exists() and port_file.read_text().strip(),
            f"{name} listens")
        process.port_file = port_file
        return process

    def living(self, processes):
        return [process for process in processes if process.poll() is None]

    def end(self, *processes):
        """Asks processes to end, all at once, and waits for it."""
        for process in processes:
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGCONT)
        for process in processes:
            process.wait(timeout=60)
        self.forget(*processes)

    def kill(self, *processes):
        for process in processes:
            process.kill()
            process.wait()
        self.forget(*processes)

    def forget(self, *processes):
        self.workers = [one for one in self.workers if one not in processes]
        self.supervisors = [one for one in self.supervisors if one not in processes]

    def keep(self, workers, supervisors=2):
        """Ends nothing, and starts what is missing."""
        self.forget(*(one for one in self.workers + self.supervisors if one.poll() is not None))
        while len(self.workers) < workers:
            self.worker()
        while len(self.supervisors) < supervisors:
            self.supervisor()

    # Redis

    def restart_redis(self, away=0.5, between=lambda: None):
        self.server.kill()
        between()
        time.sleep(away)
        assert self.server.start(), self.server.log()
        self.redis = self.server.client

    # What is told from outside

    def usage(self):
        """What the simulator was asked for, once nothing is in flight."""
        def counted():
            found = json.loads(fetch(self.simulator_url + "/simulator/usage"))
            return found if found["in_flight"] == 0 else None
        return wait_until(counted, "no call in flight")

    def holder(self):
        """Who leads the partition, by its name; None while nobody does."""
        holder = self.redis.hget(key("lease"), "holder")
        return holder.rsplit("-", 1)[0] if holder else None

    def metric(self, process, start):
        """The values of a process' metrics whose names begin so."""
        url = f"http://127.0.0.1:{process.port_file.read_text().strip()}/metrics"
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
                for line in fetch(url).splitlines() if line.startswith(start)}


def has_stopped(process):
    """It has ended, or stands still."""
    return process.poll() is not None or is_frozen(process)


def is_frozen(process):
    try:
        with open(f"/proc/{process.pid}/stat") as stat:
            return stat.read().rsplit(") ", 1)[1][0] == "T"
    except OSError:
        return False
