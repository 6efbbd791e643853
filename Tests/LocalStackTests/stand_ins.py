"""A checkout of the local stack's scripts in a folder of its own, with small programs in place of the
built ones: they listen, answer and end as the real ones do, and know nothing of strategies."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

PROJECT = pathlib.Path(__file__).resolve().parents[2]

SERVER = '''
import http.server, os, signal, socket, sys, threading, time, urllib.parse
name = os.path.basename(sys.argv[0])
if os.environ.get("STAND_IN_ENDS") == name:
    print('{"level":"error","message":"this stand-in was told to end"}', file=sys.stderr, flush=True)
    sys.exit(7)

def redis_answers():
    url = urllib.parse.urlparse(os.environ["REDIS_URL"])
    try:
        with socket.create_connection((url.hostname, url.port), 1) as s:
            if url.username:
                s.sendall(f"AUTH {url.username} {url.password}\\r\\n".encode())
                if s.recv(5) != b"+OK\\r\\n":
                    return False
            s.sendall(b"PING\\r\\n")
            return s.recv(5) == b"+PONG"
    except OSError:
        return False

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ok = self.path == READY_PATH and (name == "openai-simulator" or redis_answers())
        self.send_response(200 if ok else 503); self.end_headers(); self.wfile.write(b"{}")
    def log_message(self, *_): pass

class Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = True

READY_PATH = "/simulator/health" if name == "openai-simulator" else "/health"
port = sys.argv[sys.argv.index("--port") + 1] if "--port" in sys.argv else os.environ["HEALTH_PORT"]
server = Server(("127.0.0.1", int(port)), Handler)
def end(*_):
    if os.environ.get("STAND_IN_STAYS") == name: return
    print(name, "drained", flush=True)
    threading.Thread(target=server.shutdown).start()
signal.signal(signal.SIGTERM, end)
print('{"level":"warning","message":"a warning of the stand-in"}', file=sys.stderr, flush=True)
server.serve_forever()
'''

CLIENT = '''
import os, sys
print("stand-in answers", sys.argv[1:], os.environ["REDIS_URL"])
'''

# What would lead a test's stack to somebody's server, or its make to this one's job server.
OUTSIDE = {
    "REDIS_URL", "REDIS_ADMIN_URL", "REDIS_HOST", "REDIS_PORT", "DATABASE_URL", "DATABASE_READ_URL",
    "DATABASE_MIGRATE_URL", "DATABASE_ADMIN_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL",
    "CONSOLE_TOKEN", "WORKERS", "HEALTH_PORT", "DRAIN_TIMEOUT", "REQUEST_TIMEOUT", "STEPS_BEGAN",
    "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES",
}


def alive(pid):
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] not in "ZX"


class Checkout:
    """`make` in a copy; `close` ends whatever is left and removes it."""

    def __init__(self):
        # A space in the path is a thing that happens.
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="local stack "))
        self.root.chmod(0o755)  # root's PostgreSQL runs as somebody else
        shutil.copy(PROJECT / "Makefile", self.root)
        shutil.copytree(PROJECT / "deploy/local", self.root / "deploy/local")
        shutil.copytree(PROJECT / "deploy/redis", self.root / "deploy/redis")
        shutil.copytree(PROJECT / "deploy/postgres", self.root / "deploy/postgres")
        (self.root / "Sources").mkdir()
        (self.root / "Package.swift").touch()
        built = self.root / ".build/release"
        built.mkdir(parents=True)
        for name in ("strategy-worker", "strategy-supervisor", "openai-simulator"):
            self._program(built / name, SERVER)
        self._program(built / "strategyctl", CLIENT)
        self.bash("swift_environment; build_settings >.build/release-programs.stamp")

    def _program(self, path, text):
        path.write_text(f"#!{sys.executable}\n{text}")
        path.chmod(0o755)

    def add_supervisor(self):
        self._program(self.root / ".build/release/strategy-supervisor", SERVER)

    def bash(self, script):
        libraries = "".join(f". deploy/local/{n}.sh; " for n in ("common", "packages", "build", "stack"))
        subprocess.run(
            ["bash", "-euc", libraries + script], cwd=self.root, env=self.environment(), check=True)

    def environment(self, **more):
        kept = {k: v for k, v in os.environ.items() if k not in OUTSIDE}
        return {**kept, **{k: str(v) for k, v in more.items()}}

    def make(self, *words, ok=True, **env):
        # Through pipes on purpose: a process that kept one open would hold us here.
        done = subprocess.run(
            ["make", "-C", str(self.root), *words], env=self.environment(**env), cwd="/",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=120)
        assert (done.returncode == 0) == ok, f"make {words} exited {done.returncode}:\n{done.stdout}"
        return done.stdout

    def start(self, *words, **env):
        """A make that stays, in a process group of its own as a shell gives it one."""
        return subprocess.Popen(
            ["make", *words], env=self.environment(**env), cwd=self.root, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def file(self, name):
        return self.root / ".run" / name

    def pid(self, name):
        return int(self.file(f"{name}.pid").read_text().split()[0])

    def pids(self):
        return {p.stem: self.pid(p.stem) for p in (self.root / ".run").glob("*.pid")}

    def addresses(self):
        return dict(l.split("=", 1) for l in self.file("env").read_text().splitlines())

    def sql(self, url, text):
        done = subprocess.run(
            ["psql", "--no-password", url, "-XAtqc", text], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def redis(self, *command, url=None):
        """What it answers, by default to who may do anything."""
        done = subprocess.run(
            ["redis-cli", "-u", url or self.addresses()["REDIS_ADMIN_URL"], *command], capture_output=True,
            text=True, check=True, timeout=20)
        return done.stdout.strip()

    def variables(self, name):
        text = pathlib.Path(f"/proc/{self.pid(name)}/environ").read_bytes().decode()
        return dict(v.split("=", 1) for v in text.split("\0") if "=" in v)

    def processes(self):
        """Everything that runs inside the copy, whoever started it."""
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                cwd = os.readlink(entry / "cwd")
            except OSError:
                continue
            if cwd.startswith(str(self.root)) and alive(entry.name):
                found.append(int(entry.name))
        return found

    def close(self):
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        shutil.rmtree(self.root)
