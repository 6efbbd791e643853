"""A private Redis, simulator and worker for the documents' examples; gone when the test ends.

STRATEGY_BIN is the folder of the programs, by default .build/release.
"""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.error
import urllib.request

import redis

from support.checks import wait_until
from support.documents import ROOT

BIN = pathlib.Path(os.environ.get("STRATEGY_BIN") or ROOT / ".build/release").resolve()
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
# What supervisors ask of who wants to see more than their health.
CONSOLE_TOKEN = "a-token-of-the-tests"


def program(name):
    path = BIN / name
    assert os.access(path, os.X_OK), f"{path} is missing: run make build"
    return str(path)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def freeze(process):
    """Stops it until SIGCONT. Its threads hear of that one after the other, and one may go on for some
    milliseconds: returns when all stand still."""
    process.send_signal(signal.SIGSTOP)
    wait_until(lambda: all(map(_stands_still, pathlib.Path(f"/proc/{process.pid}/task").iterdir())),
               "all of its threads stand still")


def _stands_still(thread):
    try:
        return (thread / "stat").read_text().rsplit(") ", 1)[1][0] == "T"
    except OSError:  # it has ended
        return True


class Stack:
    def __init__(self, **variables):
        """With variables of the first worker."""
        self.variables = variables
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="documents-"))
        self.processes = []

    def __enter__(self):
        try:
            self._start_redis()
            self._start_simulator()
            self.worker = self.start_worker(**self.variables)
            self.supervisor = self.start_supervisor()
            self._write_redis_cli()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        shutil.rmtree(self.folder)

    def spawn(self, name, arguments, **variables):
        kept = ("HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")
        env = {key: os.environ[key] for key in kept if key in os.environ}
        with open(self.folder / f"{name}.log", "ab") as log:
            process = subprocess.Popen(
                arguments, cwd=self.folder,
                env={**env, "PATH": PATH, "CONSOLE_TOKEN": CONSOLE_TOKEN, **variables},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def _start_redis(self):
        for _ in range(10):  # another process may take the port before Redis does
            port = free_port()
            server = self.spawn("redis", [
                "redis-server", str(ROOT / "deploy/redis/local.conf"), "--port", str(port),
                "--dir", str(self.folder)])
            self.redis_url = f"redis://127.0.0.1:{port}"
            self.redis = redis.Redis.from_url(self.redis_url, decode_responses=True)
            wait_until(lambda: self._answers() or server.poll() is not None, "Redis up")
            if server.poll() is None:
                self.redis_port = port
                return
        raise AssertionError("Redis did not start: " + self.log("redis"))

    def _answers(self):
        try:
            return self.redis.ping()
        except redis.ConnectionError:
            return False

    def _start_simulator(self):
        port_file = self.folder / "simulator.port"
        simulator = self.spawn("simulator", [
            program("openai-simulator"), "--port", "0", "--port-file", str(port_file)])
        self.simulator_url = f"http://127.0.0.1:{self._port(port_file, simulator, 'simulator')}"

    def start_worker(self, name="worker", **variables):
        """A worker that is ready; its limits are wide, where a check does not narrow them, and it asks
        the model for each request."""
        wide = {"CACHE_TTL": "0", "DEFAULT_TIER": "enterprise", "REQUESTS_PER_MINUTE": "1000000",
                "COST_PER_HOUR_LIMIT": "1000000", "OPENAI_BASE_URL": self.simulator_url}
        return self._start(
            "strategy-worker", name, OPENAI_API_KEY="sk-sim-docs", **{**wide, **variables})

    def start_supervisor(self, name="supervisor", **variables):
        return self._start("strategy-supervisor", name, **variables)

    def _start(self, kind, name, **variables):
        """A process that is ready; `health_url` of what comes back is where it tells so."""
        port_file = self.folder / f"{name}.port"
        port_file.unlink(missing_ok=True)
        process = self.spawn(
            name, [program(kind)], REDIS_URL=self.redis_url, HEALTH_PORT="0",
            HEALTH_PORT_FILE=str(port_file), **variables)
        process.health_url = f"http://127.0.0.1:{self._port(port_file, process, name)}"
        wait_until(lambda: self._is_ready(process, name), f"{name} ready")
        return process

    def _is_ready(self, process, name):
        assert process.poll() is None, f"{name} ended: {self.log(name)}"
        try:
            return fetch(process.health_url + "/health")
        except (urllib.error.URLError, OSError):
            return False

    def _port(self, file, process, name):
        def written():
            assert process.poll() is None, f"{name} ended: {self.log(name)}"
            return file.exists() and file.read_text().strip()
        return int(wait_until(written, f"{name} listens"))

    def log(self, name):
        return (self.folder / f"{name}.log").read_text(errors="replace")[-2000:]

    def misbehave(self, *behaviors):
        """Tells the simulator how to answer from now on; nothing is: as it should."""
        url = self.simulator_url + "/simulator/behavior"
        fetch(urllib.request.Request(url, method="DELETE"))
        for behavior in behaviors:
            fetch(urllib.request.Request(
                url, json.dumps(behavior).encode(), {"Content-Type": "application/json"}))

    # Shell examples say `redis-cli`, as their reader would; here it finds this stack's Redis.
    def _write_redis_cli(self):
        real = shutil.which("redis-cli", path=PATH)
        assert real, "redis-cli is not installed"
        (self.folder / "bin").mkdir()
        wrapper = self.folder / "bin/redis-cli"
        wrapper.write_text(f'#!/bin/sh\nexec "{real}" -e -p {self.redis_port} "$@"\n')
        wrapper.chmod(0o755)

    def shell(self, text):
        """Runs a shell example and answers what it printed; a failure of any line is one."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text.replace(".build/release/", f"{BIN}/")],
            cwd=self.folder, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
            env={"PATH": f"{self.folder}/bin:{PATH}", "REDIS_URL": self.redis_url,
                 "HEALTH_URL": self.worker.health_url, "LANG": "C.UTF-8"})
        assert done.returncode == 0, f"{text}\nended with {done.returncode}: {done.stderr}"
        return done.stdout


def fetch(request):
    """What is answered, with the token of a console; errors are raised."""
    if isinstance(request, str):
        request = urllib.request.Request(request)
    request.add_header("Authorization", f"Bearer {CONSOLE_TOKEN}")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10) as response:
        return response.read().decode()
