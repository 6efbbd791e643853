"""`make up`, `make down`, `make run` and `make clean`, as those who use them see them."""
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from stand_ins import Checkout, alive

SECONDS = 30  # within which what must happen happens, on a busy machine


def wait_until(condition, what):
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {SECONDS} s"
        time.sleep(0.02)


def kill(pid, sig=signal.SIGKILL):
    """Until nothing is left of it in /proc: killed, and reaped by whoever is its parent."""
    os.kill(pid, sig)
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), f"{pid} gone after {sig}")


def place(variables):
    """Where Redis is, whoever asks."""
    return variables["REDIS_URL"].rsplit("@", 1)[1]


class StackTest(unittest.TestCase):
    def checkout(self):
        made = Checkout()
        self.addCleanup(made.close)
        return made


class Up(StackTest):
    def test_starts_the_stack_and_says_where_it_is(self):
        c = self.checkout()
        c.make("up", "DEFAULT_TIER=enterprise", WORKERS=2, SIMULATOR_LATENCY_MS="20,90")
        self.assertEqual(set(c.pids()), {
            "redis", "postgres", "simulator", "supervisor-1", "worker-1", "worker-2"})
        for name, program in [("redis", "redis-server"), ("postgres", "bin/postgres"), ("simulator", "openai-simulator"),
                              ("worker-1", "strategy-worker")]:
            command = pathlib.Path(f"/proc/{c.pid(name)}/cmdline").read_bytes().decode()
            self.assertIn(program, command)
            self.assertNotIn("keep", command)
            self.assertTrue(c.file(f"{name}.log").exists())
        at = c.addresses()
        roles = {"": "strategy_service", "READ_": "strategy_read", "MIGRATE_": "strategy_migrate",
                 "ADMIN_": "postgres"}
        databases = {f"DATABASE_{word}URL": role for word, role in roles.items()}
        self.assertEqual(set(at), {
            "REDIS_URL", "REDIS_ADMIN_URL", "OPENAI_BASE_URL", "HEALTH_URL", "CONSOLE_URL", "CONSOLE_TOKEN", *databases})
        for name, role in databases.items():
            self.assertRegex(at[name], rf"^postgresql://{role}:[0-9a-f]{{36}}@127\.0\.0\.1:\d+/strategy$")
        self.assertRegex(at["REDIS_URL"], r"^redis://operator:[0-9a-f]{36}@127\.0\.0\.1:\d+$")
        self.assertRegex(at["OPENAI_BASE_URL"], r"^http://127\.0\.0\.1:\d+$")
        self.assertEqual(len(set(at.values())), 10)
        self.assertRegex(at["CONSOLE_URL"], r"^http://127\.0\.0\.1:\d+$")
        self.assertRegex(at["CONSOLE_TOKEN"], r"^[0-9a-f]{48}$")
        self.assertEqual(c.variables("supervisor-1")["CONSOLE_TOKEN"], at["CONSOLE_TOKEN"])
        self.assertEqual(c.file("env").stat().st_mode & 0o777, 0o600)
        self.assertEqual(c.redis("PING"), "PONG")
        worker, simulator = c.variables("worker-2"), c.variables("simulator")
        for name in ("worker-2", "supervisor-1"):
            user = name.split("-")[0]
            self.assertRegex(c.variables(name)["REDIS_URL"], rf"^redis://{user}:[0-9a-f]{{36}}@127\.0\.0\.1:\d+$")
            self.assertFalse("REDIS_ADMIN_URL" in c.variables(name))
        self.assertEqual(c.file("redis.secrets").stat().st_mode & 0o777, 0o600)
        self.assertTrue(worker["OPENAI_API_KEY"].startswith("sk-sim"))
        self.assertEqual(worker["DEFAULT_TIER"], "enterprise")
        self.assertEqual(worker["DATABASE_URL"], at["DATABASE_URL"])
        self.assertFalse({"DATABASE_MIGRATE_URL", "DATABASE_ADMIN_URL"} & set(worker))
        self.assertEqual(simulator["SIMULATOR_LATENCY_MS"], "20,90")
        self.assertFalse({"MAKEFLAGS", "MAKELEVEL", "STEPS_BEGAN"} & set(worker))

    def test_redis_is_configured_for_streams_that_must_not_be_lost(self):
        c = self.checkout()
        c.make("up", WORKERS=0)
        for name, value in [("maxmemory-policy", "noeviction"), ("appendonly", "yes"),
                            ("stream-node-max-bytes", "1024"), ("bind", "127.0.0.1"),
                            ("protected-mode", "yes")]:
            self.assertEqual(c.redis("CONFIG", "GET", name).splitlines(), [name, value])

    def test_each_process_is_a_redis_user_of_its_own_who_may_do_its_work_alone(self):
        c = self.checkout()
        c.make("up", STREAM_PREFIX="mine")
        at = c.addresses()
        nobody = "redis://" + at["REDIS_URL"].rsplit("@", 1)[1]
        worker = c.variables("worker-1")["REDIS_URL"]
        for url, command, answer in [
                (nobody, ["PING"], "NOAUTH"), (at["REDIS_URL"], ["PING"], "PONG"),
                (at["REDIS_URL"], ["XADD", "mine:{0}:requests:normal", "*", "request_id", "r"], "-0"),
                (at["REDIS_URL"], ["FLUSHALL"], "NOPERM"), (worker, ["FLUSHALL"], "NOPERM"),
                (worker, ["KEYS", "*"], "NOPERM"), (worker, ["GET", "strategy:{0}:epoch"], "NOPERM"),
                (worker, ["HSET", "mine:x", "a", "1"], "1")]:
            self.assertIn(answer, c.redis(*command, url=url), (url.split(":")[1], command))
        # Its keys are those of one prefix, for as long as it runs.
        self.assertIn("STREAM_PREFIX", c.make("up", STREAM_PREFIX="other", ok=False))
        c.make("down")
        c.make("up", STREAM_PREFIX="other", WORKERS=0)
        self.assertEqual(c.addresses()["REDIS_URL"], at["REDIS_URL"])
        self.assertIn("NOPERM", c.redis("GET", "mine:x", url=at["REDIS_URL"]))

    def test_postgres_comes_back_with_its_data_and_its_roles(self):
        c = self.checkout()
        c.make("up", WORKERS=0)
        at = c.addresses()
        c.sql(at["DATABASE_MIGRATE_URL"], "CREATE TABLE kept AS SELECT 1 AS one")
        kill(c.pid("postgres"))
        c.make("up", WORKERS=0)
        self.assertEqual(c.addresses(), at)
        self.assertEqual(c.sql(at["DATABASE_MIGRATE_URL"], "SELECT one FROM kept"), "1")
        c.make("down")
        self.assertEqual(c.processes(), [])
        c.make("up", WORKERS=0)
        self.assertEqual(c.sql(at["DATABASE_MIGRATE_URL"], "SELECT one FROM kept"), "1")
        # Nobody gets in without a password, and the service's role makes nothing.
        with self.assertRaises(subprocess.CalledProcessError):
            c.sql(re.sub(r":[0-9a-f]{36}@", "@", at["DATABASE_URL"]), "SELECT 1")
        with self.assertRaises(subprocess.CalledProcessError):
            c.sql(at["DATABASE_URL"], "CREATE TABLE mine (n int)")
        self.assertEqual(c.file("postgres.secrets").stat().st_mode & 0o777, 0o600)

    def test_again_starts_nothing(self):
        c = self.checkout()
        c.make("up")
        before, addresses = c.pids(), c.addresses()
        c.make("up", STAND_IN_ENDS="strategy-worker")
        self.assertEqual((before, addresses), (c.pids(), c.addresses()))

    def test_a_killed_redis_comes_back_at_its_address_with_its_data(self):
        c = self.checkout()
        c.make("up")
        before, addresses = c.pids(), c.addresses()
        c.redis("SET", "kept", "yes")
        # The log is written within a second; the test asks for it rather than wait.
        c.redis("BGREWRITEAOF")
        wait_until(lambda: "aof_rewrite_in_progress:0" in c.redis("INFO", "persistence"), "AOF")
        # What a script writes is read again as the user default, who is nobody.
        c.redis("CONFIG", "SET", "appendfsync", "always")
        c.redis("EVAL", "redis.call('SET', 'a', 'by a script') redis.call('SET', 'b', 'by a script')", "0")
        kill(before["redis"])
        c.make("up")
        self.assertEqual(addresses, c.addresses())
        self.assertEqual(c.redis("GET", "kept"), "yes")
        self.assertEqual(c.redis("MGET", "a", "b").splitlines(), ["by a script"] * 2)
        self.assertIn("NOAUTH", c.redis("PING", url="redis://" + place(addresses)))
        self.assertNotEqual(before.pop("redis"), c.pid("redis"))
        self.assertEqual(before, {n: p for n, p in c.pids().items() if n != "redis"})

    def test_all_killed_come_back_where_they_were(self):
        c = self.checkout()
        c.make("up", WORKERS=2)
        before, addresses = c.pids(), c.addresses()
        for pid in before.values():
            kill(pid)
        c.make("up", WORKERS=2)
        self.assertEqual(addresses, c.addresses())
        self.assertFalse(set(before.values()) & set(c.pids().values()))

    def test_a_pid_file_that_names_another_program_or_none_is_not_believed(self):
        c = self.checkout()
        c.make("up")
        other = subprocess.Popen(["sleep", "600"])
        self.addCleanup(other.wait)
        self.addCleanup(other.kill)
        zombie = subprocess.Popen(["true"])
        self.addCleanup(zombie.wait)
        wait_until(lambda: not alive(zombie.pid), "a zombie")
        identity = c.file("worker-1.pid").read_text().split("\n", 1)[1]
        for text in [f"{other.pid}\n", f"{other.pid}\n{identity}", f"{zombie.pid}\n{identity}",
                     f"{2**22 + 1}\n{identity}", "", "none\n", "-1\n", "0\n0\n0\n"]:
            with self.subTest(text):
                kill(c.pid("worker-1"))
                c.file("worker-1.pid").write_text(text)
                c.make("up")
                self.assertTrue(alive(c.pid("worker-1")))
                command = pathlib.Path(f"/proc/{c.pid('worker-1')}/cmdline").read_text()
                self.assertIn("strategy-worker", command)
                self.assertIsNone(other.poll())

    def test_a_lost_pid_file_of_what_runs_is_written_again(self):
        c = self.checkout()
        c.make("up")
        before = c.pids()
        c.file("redis.pid").unlink()
        c.file("worker-1.pid").write_text("1\n")
        self.assertIn("written again", c.make("up"))
        self.assertEqual(before, c.pids())
        c.file("redis.pid").unlink()
        c.make("down")
        self.assertEqual(c.processes(), [])

    def test_outside_servers_replace_the_private_ones(self):
        outer, c = self.checkout(), self.checkout()
        outer.make("up", WORKERS=0)
        url = outer.addresses()["REDIS_URL"]
        c.make("up", REDIS_URL=url, OPENAI_API_KEY="none", OPENAI_BASE_URL="http://127.0.0.1:9/v1")
        self.assertEqual(set(c.pids()), {"postgres", "supervisor-1", "worker-1"})
        worker = c.variables("worker-1")
        self.assertEqual((worker["REDIS_URL"], worker["OPENAI_API_KEY"], worker["OPENAI_BASE_URL"]),
                         (url, "none", "http://127.0.0.1:9/v1"))
        self.assertEqual(c.addresses()["OPENAI_BASE_URL"], "http://127.0.0.1:9")
        self.assertNotIn("none", c.file("env").read_text())
        c.make("down")
        self.assertEqual(outer.redis("PING"), "PONG")
        # The seed's two names are no second answer; a key alone means the vendor's own address.
        c.make("up", OPENAI_API_KEY="sk-secret", REDIS_HOST="db.invalid", REDIS_PORT=1)
        worker = c.variables("worker-1")
        self.assertFalse({"REDIS_HOST", "REDIS_PORT", "OPENAI_BASE_URL"} & set(worker))
        self.assertEqual(set(c.pids()), {"redis", "postgres", "supervisor-1", "worker-1"})
        everything = "".join(p.read_text() for p in c.file("").glob("*") if p.is_file())
        commands = "".join(pathlib.Path(f"/proc/{p}/cmdline").read_text() for p in c.processes())
        self.assertNotIn("sk-secret", everything + commands)

    def test_a_shell_that_has_read_the_addresses_starts_the_same_stack(self):
        c = self.checkout()
        c.make("up")
        told = ("REDIS_URL", "DATABASE_URL", "DATABASE_READ_URL", "OPENAI_BASE_URL")
        before, pids = {name: c.variables("worker-1").get(name) for name in told}, c.pids()
        kill(c.pid("worker-1"))
        said = c.make("up", **c.addresses())
        self.assertNotIn("yours", said)
        self.assertEqual(set(c.pids()), set(pids))
        self.assertNotEqual(c.pid("worker-1"), pids["worker-1"])
        self.assertEqual({name: c.variables("worker-1").get(name) for name in told}, before)

    def test_another_address_than_before_is_told_not_forced(self):
        c = self.checkout()
        c.make("up")
        before = c.pids()
        said = c.make("up", OPENAI_BASE_URL="http://127.0.0.1:9")
        self.assertIn("worker-1 goes on with OPENAI_BASE_URL=http://127.0.0.1:", said)
        self.assertEqual(before, c.pids())

    def test_a_port_that_another_program_took_is_left_to_it(self):
        c = self.checkout()
        c.make("up")
        port = int(c.addresses()["REDIS_URL"].rsplit(":", 1)[1])
        kill(c.pid("redis"))
        with socket.create_server(("127.0.0.1", port)):
            said = c.make("up", ok=False)
            self.assertRegex(said, f"port {port}, where (worker|supervisor)-1 looks for redis, is taken")
            c.make("down")
            c.make("up")
            self.assertNotEqual(port, int(c.addresses()["REDIS_URL"].rsplit(":", 1)[1]))
            self.assertEqual(place(c.variables("worker-1")), place(c.addresses()))

    def test_two_checkouts_at_once_do_not_meet(self):
        both = [self.checkout(), self.checkout()]
        # Both would choose the same ports: the first free ones from the same place on.
        for c in both:
            script = c.root / "deploy/local/ports.sh"
            text = script.read_text()
            script.write_text(text.replace('<<<"$ROOT $1"', "<<<same"))
            self.assertNotEqual(text, script.read_text())
        started = [c.start("up", WORKERS=3) for c in both]
        for make in started:
            said, _ = make.communicate(timeout=120)
            self.assertEqual(make.returncode, 0, said)
        a, b = both
        self.assertFalse(set(a.addresses().values()) & set(b.addresses().values()))
        a.redis("SET", "whose", "a")
        self.assertEqual(b.redis("GET", "whose"), "")
        a.make("down")
        self.assertEqual(len(b.pids()), 7)
        self.assertTrue(all(map(alive, b.pids().values())))

    def test_twice_at_once_in_one_checkout_starts_one_stack(self):
        c = self.checkout()
        started = [c.start("up") for _ in range(3)]
        for make in started:
            said, _ = make.communicate(timeout=120)
            self.assertEqual(make.returncode, 0, said)
        self.assertEqual(set(c.pids()), {
            "redis", "postgres", "simulator", "supervisor-1", "worker-1"})
        c.make("down")
        self.assertEqual(c.processes(), [])

    def test_a_worker_that_ends_at_start_is_an_error_with_its_own_words(self):
        c = self.checkout()
        said = c.make("up", ok=False, STAND_IN_ENDS="strategy-worker")
        self.assertIn("this stand-in was told to end", said)
        self.assertIn("worker-1 ended as it started; its log is .run/worker-1.log", said)

    def test_what_a_worker_warns_of_is_shown(self):
        said = self.checkout().make("up")
        self.assertIn("worker-1: {\"level\":\"warning\",\"message\":\"a warning of the stand-in\"}", said)

    def test_a_variable_that_makes_no_sense_is_refused_by_name(self):
        c = self.checkout()
        for name, value in [("WORKERS", "two"), ("WORKERS", "65"), ("HEALTH_PORT", "70000"),
                            ("DRAIN_TIMEOUT", "long")]:
            self.assertIn(name, c.make("up", ok=False, **{name: value}))
        self.assertEqual(c.processes(), [])

    def test_a_health_port_asked_for_is_the_first_workers(self):
        c = self.checkout()
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
            self.assertIn(f"HEALTH_PORT={port} is taken", c.make("up", ok=False, HEALTH_PORT=port))
        c.make("up", HEALTH_PORT=port, WORKERS=2)
        self.assertEqual(c.addresses()["HEALTH_URL"], f"http://127.0.0.1:{port}")

    def test_several_workers_do_not_share_one_consumer_name(self):
        c = self.checkout()
        c.make("up", WORKERS=2, CONSUMER_NAME="mine")
        names = [c.variables(f"worker-{n}")["CONSUMER_NAME"] for n in (1, 2)]
        self.assertEqual(names, ["mine-1", "mine-2"])
        c.make("down")
        c.make("up", CONSUMER_NAME="mine")
        self.assertEqual(c.variables("worker-1")["CONSUMER_NAME"], "mine")

    def test_a_supervisor_joins_once_it_is_built(self):
        c = self.checkout()
        c.add_supervisor()
        c.make("up")
        self.assertTrue(alive(c.pid("supervisor-1")))
        self.assertEqual(place(c.variables("supervisor-1")), place(c.addresses()))
        c.make("down")
        self.assertEqual(c.processes(), [])


class Down(StackTest):
    def test_ends_all_gently_and_keeps_data(self):
        c = self.checkout()
        c.make("up", WORKERS=2)
        c.redis("SET", "kept", "yes")
        c.make("down")
        self.assertEqual((c.processes(), c.pids()), ([], {}))
        self.assertIn("strategy-worker drained", c.file("worker-2.log").read_text())
        c.make("down")
        c.make("up")
        self.assertEqual(c.redis("GET", "kept"), "yes")

    def test_wakes_the_frozen_and_kills_who_outstays_the_drain_limit(self):
        c = self.checkout()
        c.make("up", WORKERS=2, DRAIN_TIMEOUT=0, STAND_IN_STAYS="strategy-worker")
        os.kill(c.pid("worker-2"), signal.SIGSTOP)
        os.kill(c.pid("redis"), signal.SIGSTOP)
        # The limit is the one in force when the worker started.
        said = c.make("down", DRAIN_TIMEOUT=1000)
        self.assertIn("worker-1 did not end within 5 s: killed", said)
        self.assertNotIn("redis did not end", said)
        self.assertEqual(c.processes(), [])

    def test_harms_nobody_whose_number_stands_in_a_stale_file(self):
        c = self.checkout()
        c.make("up")
        other = subprocess.Popen(["sleep", "600"])
        self.addCleanup(other.wait)
        self.addCleanup(other.kill)
        kill(c.pid("simulator"))
        identity = c.file("simulator.pid").read_text().split("\n", 1)[1]
        c.file("simulator.pid").write_text(f"{other.pid}\n{identity}")
        c.make("down")
        self.assertIsNone(other.poll())
        self.assertEqual(c.processes(), [])

    def test_clean_removes_the_data_and_not_the_build(self):
        c = self.checkout()
        c.make("up")
        c.make("clean")
        self.assertEqual(c.processes(), [])
        self.assertFalse(c.file("").exists())
        self.assertTrue((c.root / ".build/release/strategy-worker").exists())
        c.make("clean")


class Run(StackTest):
    def started(self, c, **env):
        """A `make run` that has shown its request."""
        make = c.start("run", **env)
        self.addCleanup(make.stdout.close)
        return make, self.heard(make, "addresses        .run/env")

    def heard(self, make, words):
        """What it printed until these words came."""
        said, end = "", time.monotonic() + SECONDS
        while words not in said:
            left = max(0, end - time.monotonic())
            self.assertTrue(select.select([make.stdout], [], [], left)[0], f"no “{words}” in\n{said}")
            chunk = os.read(make.stdout.fileno(), 65536).decode()
            self.assertTrue(chunk, f"ended without “{words}”:\n{said}")
            said += chunk
        return said

    def ended(self, c, make):
        said, _ = make.communicate(timeout=SECONDS)
        self.assertIn("stopped; the data stays", said)
        self.assertEqual(c.processes(), [])
        return said

    def test_shows_a_request_answered_and_ends_on_control_c(self):
        c = self.checkout()
        make, said = self.started(c)
        self.assertRegex(said, r"\[ +\d+\.\d s\] redis on 127\.0\.0\.1:\d+")
        self.assertIn("stand-in answers ['submit', '--user', 'user123'", said)
        os.killpg(make.pid, signal.SIGINT)
        self.ended(c, make)
        self.assertEqual(make.returncode, -signal.SIGINT)  # make's own way; the script's is 0

    def test_ends_when_make_alone_is_told_to(self):
        for sig in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(sig):
                c = self.checkout()
                make, _ = self.started(c)
                make.send_signal(sig)
                self.ended(c, make)

    def test_the_script_itself_ends_with_success(self):
        c = self.checkout()
        make = subprocess.Popen(
            ["deploy/local/run"], cwd=c.root, env=c.environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, text=True, start_new_session=True)
        self.addCleanup(make.stdout.close)
        self.heard(make, "addresses        .run/env")
        os.killpg(make.pid, signal.SIGINT)
        self.ended(c, make)
        self.assertEqual(make.returncode, 0)

    def test_a_second_control_c_does_not_wait_for_the_drain(self):
        c = self.checkout()
        make, _ = self.started(c, STAND_IN_STAYS="strategy-worker")
        os.killpg(make.pid, signal.SIGINT)
        self.heard(make, "stopping")
        os.killpg(make.pid, signal.SIGINT)
        self.ended(c, make)  # in less than the worker's 40 s

    def test_uses_what_already_runs_and_tells_of_what_ends(self):
        c = self.checkout()
        c.make("up")
        before = c.pids()
        make, said = self.started(c)
        self.assertIn("running already", said)
        self.assertEqual(before, c.pids())
        kill(before["worker-1"])
        self.heard(make, "worker-1 ended")
        c.make("up")
        os.killpg(make.pid, signal.SIGINT)
        self.ended(c, make)

    def test_ends_with_an_error_and_nothing_left_when_it_cannot_start(self):
        c = self.checkout()
        said = c.make("run", ok=False, STAND_IN_ENDS="strategy-worker")
        self.assertIn("worker-1 ended as it started", said)
        self.assertEqual(c.processes(), [])


class Help(StackTest):
    def test_names_every_target_with_a_sentence(self):
        c = self.checkout()
        named = set(re.findall(r"^  make (\S+) +\S", c.make("help"), re.M))
        text = (c.root / "Makefile").read_text()
        self.assertEqual(named, set(re.findall(r"^([a-z-]+):", text, re.M)))
        self.assertEqual(named, set(re.search(r"^\.PHONY: (.*)$", text, re.M)[1].split()))


if __name__ == "__main__":
    unittest.main(verbosity=2)
