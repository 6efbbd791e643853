"""A PostgreSQL that can be killed, with the service's roles and schema; gone when the test ends."""
import glob
import os
import pathlib
import shutil
import subprocess
import tempfile

from harness.servers import free_port
from support.checks import wait_until
from support.documents import ROOT
from support.stack import PATH, program


def binaries():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
    path = found[-1] if found else shutil.which("postgres")
    assert path, "PostgreSQL's server is not installed"
    return pathlib.Path(path).parent


# It refuses to run as root.
AS_SERVER = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"] \
    if os.getuid() == 0 else []


class Database:
    PASSWORDS = {"postgres": "", "strategy_migrate": "m", "strategy_service": "s",
                 "strategy_read": "r"}

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="database-"))
        self.folder.chmod(0o755)
        self.data, self.process = self.folder / "data", None

    def __enter__(self):
        try:
            self.data.mkdir()
            if os.getuid() == 0:
                shutil.chown(self.data, "postgres")
            self._run([*AS_SERVER, str(binaries() / "initdb"), "-D", str(self.data), "-U",
                       "postgres", "--no-sync", "--auth", "trust", "-E", "UTF8", "--locale", "C"])
            for _ in range(10):  # another process may take the port before the server does
                self.port = free_port()
                if self.start():
                    break
            self._run(["psql", self.url("postgres", "postgres"), "-Xq", "-v", "ON_ERROR_STOP=1",
                       *(f"-v{name}_password={word}" for name, word in
                         (("migrate", "m"), ("service", "s"), ("read", "r"))),
                       "-f", str(ROOT / "deploy/postgres/roles.sql")])
            self.ctl("migrate", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, role, database="strategy"):
        return f"postgresql://{role}:{self.PASSWORDS[role]}@127.0.0.1:{self.port}/{database}"

    def variables(self, **more):
        """What strategyctl is told of it."""
        return {"DATABASE_URL": self.url("strategy_service"), "PATH": PATH, "LANG": "C.UTF-8",
                "DATABASE_READ_URL": self.url("strategy_read"),
                "DATABASE_MIGRATE_URL": self.url("strategy_migrate"), **more}

    def ctl(self, *words, redis_url="redis://127.0.0.1:1", ok=True):
        done = subprocess.run(
            [program("strategyctl"), *words], env=self.variables(REDIS_URL=redis_url),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
        assert not ok or done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                [*AS_SERVER, str(binaries() / "postgres"), "-D", str(self.data), "-p",
                 str(self.port), "-c", "listen_addresses=127.0.0.1", "-c",
                 "unix_socket_directories=", "-c", "fsync=off", "-c", "max_wal_size=2GB"],
                cwd="/", env={"PATH": PATH}, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        ready = [str(binaries() / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        wait_until(lambda: self.process.poll() is not None or subprocess.run(
            ready, env={"PATH": PATH}).returncode == 0, "PostgreSQL up")
        return self.process.poll() is None

    def backends(self):
        """The processes that serve its clients, and those beside them."""
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        return [int(pid) for pid in pathlib.Path(path).read_text().split()]

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()

    def drop(self):
        """As a server that was just made: without the service's database."""
        self._run(["psql", self.url("postgres", "postgres"), "-Xq", "-v", "ON_ERROR_STOP=1", "-c",
                   "DROP DATABASE strategy"])

    def sql(self, text):
        return self._run(["psql", self.url("postgres"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-c",
                          text]).strip()

    @staticmethod
    def _run(arguments):
        done = subprocess.run(arguments, cwd="/", env={"PATH": PATH, "LANG": "C.UTF-8"},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == 0, f"{arguments[:4]}: {done.stdout}{done.stderr}"
        return done.stdout
