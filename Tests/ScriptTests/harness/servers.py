"""Private Redis servers on ports of their own, alone or three as a cluster; gone when the test ends."""
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

import redis
from support.checks import wait_until

PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
# With --cluster-enabled a server also listens at its port + 10,000.
BUS = 10_000


def free_port():
    while True:
        with socket.socket() as listener, socket.socket() as bus:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
            if port + BUS > 65_535:
                continue
            try:
                bus.bind(("127.0.0.1", port + BUS))
            except OSError:
                continue
            return port


class Server:
    """One redis-server; `client` speaks to it."""

    def __init__(self, *options):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="scripts-"))
        self.options = options
        self.process = None

    def __enter__(self):
        try:
            for _ in range(10):  # another process may take the port before Redis does
                self.port = free_port()
                if self.start():
                    return self
            raise AssertionError("Redis did not start: " + self.log())
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder)

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                 "--maxmemory-policy", "noeviction", "--dir", str(self.folder), *self.options],
                cwd=self.folder, env={"PATH": PATH, "LANG": "C.UTF-8"},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.client = redis.Redis(port=self.port, decode_responses=True)
        self.raw = redis.Redis(port=self.port)
        wait_until(lambda: self.answers() or self.process.poll() is not None, "Redis up")
        return self.process.poll() is None

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()

    def answers(self):
        try:
            return self.client.ping()
        except (redis.ConnectionError, redis.BusyLoadingError):
            return False

    def log(self):
        return (self.folder / "log").read_text(errors="replace")[-2000:]


class Cluster:
    """Three masters, no replicas; `nodes` are their servers."""

    def __init__(self):
        self.nodes = []

    def __enter__(self):
        try:
            for _ in range(3):
                node = Server("--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
                self.nodes.append(node.__enter__())
            addresses = [f"127.0.0.1:{node.port}" for node in self.nodes]
            done = subprocess.run(
                ["redis-cli", "--cluster", "create", *addresses, "--cluster-replicas", "0",
                 "--cluster-yes"], env={"PATH": PATH, "LANG": "C.UTF-8"}, text=True, timeout=60,
                stdin=subprocess.DEVNULL, capture_output=True)
            assert done.returncode == 0, done.stdout + done.stderr
            wait_until(self.is_whole, "the cluster whole")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for node in self.nodes:
            node.__exit__()

    def is_whole(self):
        return all("cluster_state:ok" in self.info(node) for node in self.nodes)

    @staticmethod
    def info(node):
        answer = node.client.execute_command("CLUSTER INFO")
        if isinstance(answer, dict):
            return "\n".join(f"{name}:{value}" for name, value in answer.items())
        return answer

    def node_of(self, key):
        """The server that has the slot of this key."""
        for node in self.nodes:
            try:
                node.client.exists(key)
            except redis.ResponseError:  # MOVED
                continue
            return node
        raise AssertionError(f"no node has {key}")
