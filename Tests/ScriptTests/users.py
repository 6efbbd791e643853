#!/usr/bin/env python3
"""Redis' users: each can do all of its work, and nothing else."""
import hashlib
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import harness
import redis
from support.checks import check, run

from harness.books import SHAS, Books, load
from harness import batches, ledger, replays, taking_back  # noqa: F401: they add their branches
from harness.branches import BRANCHES
from harness.servers import Server

USERS = ("orchestrator", "worker", "supervisor", "operator")
# Whose each script is; the rest are a supervisor's.
WORKERS = {"admit", "call", "commit", "bury", "event", "remind", "requeue", "reserve_global",
           "settle_global", "take", "weigh", "expand_batch"}
OPERATORS = {"find"}
# What an operator's commands send by themselves.
LOOKS = (("SCAN", "0"), ("HGETALL", "t:{0}:load"), ("XRANGE", "t:{0}:dead", "-", "+"),
         ("CONFIG", "GET", "maxmemory"), ("SLOWLOG", "GET", "1"), ("CLIENT", "LIST"))
# What nobody here may do.
NEVER = (("FLUSHALL",), ("FLUSHDB",), ("CONFIG", "SET", "maxmemory", "1"), ("SHUTDOWN", "NOSAVE"),
         ("DEBUG", "SLEEP", "0"), ("ACL", "SETUSER", "worker", "on"), ("MONITOR",), ("KEYS", "*"),
         ("REPLICAOF", "NO", "ONE"), ("EVAL", "return 1", "0"), ("SUBSCRIBE", "x"),
         ("SCRIPT", "FLUSH"), ("SET", "elsewhere", "1"), ("SWAPDB", "0", "1"))


def rules():
    """The users as they are deployed, each with its name for a password."""
    text = (harness.ROOT / "deploy/redis/users.conf").read_text().replace("@PREFIX@", "t")
    for user in USERS:
        text = text.replace(f"@{user.upper()}@", hashlib.sha256(user.encode()).hexdigest())
    for line in text.splitlines():
        if line.startswith("user ") and not line.startswith("user default"):
            yield line.split()[1:]


class Guarded:
    """A server with these users; the test's own client may do anything."""

    def __init__(self, server):
        self.server = server
        for name, *words in rules():
            line, selector = [], ""
            for word in words:  # a selector is one argument
                if selector or word.startswith("("):
                    selector = f"{selector} {word}".strip()
                    if word.endswith(")"):
                        line.append(selector)
                        selector = ""
                else:
                    line.append(word)
            server.client.execute_command("ACL", "SETUSER", name, "reset", *line)
        self.clients = {user: redis.Redis(port=server.port, username=user, password=user,
                                          decode_responses=True) for user in USERS}

    def refuses(self, user, *command):
        try:
            self.clients[user].execute_command(*command)
        except redis.exceptions.NoPermissionError:
            return True
        except redis.ResponseError as error:
            return any(word in str(error) for word in ("NOPERM", "permission", "not allowed"))
        return False


@check("workers, supervisors and operators can run all of their scripts")
def scripts(guarded):
    load(guarded.server.client)
    failed = []
    for branch in BRANCHES:
        guarded.server.client.flushall()
        books = Books(guarded.server.client, "0")
        books.make_groups()
        steps = branch.steps(books)
        call = next(steps)
        whose = ["worker"] if branch.script in WORKERS else []
        whose += ["operator"] if branch.script in OPERATORS else []
        whose += ["supervisor"] if branch.script not in WORKERS - {"requeue", "settle_global"} \
            | OPERATORS else []
        for user in whose[-1:]:
            try:
                guarded.clients[user].evalsha(
                    SHAS[call.script], len(call.keys), *call.keys, *call.arguments)
            except redis.RedisError as error:
                failed.append(f"{user}, {branch.script}, {branch.sentence}: {error}")
    assert not failed, f"{len(failed)} failed\n  " + "\n  ".join(failed[:10])


@check("an orchestrator adds requests, reads answers and the load, and touches nothing else")
def orchestrators(guarded):
    me, admin = guarded.clients["orchestrator"], guarded.server.client
    for priority in ("high", "normal", "low"):
        assert me.xadd(f"t:{{0}}:requests:{priority}", {"request_id": "r"})
    assert me.xadd("t:{0}:cancel", {"request_id": "r", "by": "me"})
    admin.xadd("t:{0}:reply:r", {"event": "result"})
    assert me.xread({"t:{0}:reply:r": "0"}) and me.delete("t:{0}:reply:r") == 1
    admin.hset("t:{0}:load", "accepting", "1")
    assert me.hget("t:{0}:load", "accepting") == "1"
    for command in (("XADD", "t:{0}:requests:retry", "*", "a", "1"),
                    ("XADD", "t:{0}:reply:r", "*", "a", "1"), ("XADD", "t:{0}:ledger", "*", "a", "1"),
                    ("XRANGE", "t:{0}:requests:normal", "-", "+"), ("XRANGE", "t:{0}:ledger", "-", "+"),
                    ("HSET", "t:{0}:load", "accepting", "1"), ("DEL", "t:{0}:requests:normal"),
                    ("HSET", "t:{0}:user:u:profile", "tier", "enterprise"),
                    ("HGETALL", "t:{0}:user:u:cost"), ("SCAN", "0"), ("INFO",)):
        assert guarded.refuses("orchestrator", *command), command


@check("an operator looks around, and does what an orchestrator may")
def operators(guarded):
    for command in LOOKS:
        assert not guarded.refuses("operator", *command), command
    assert guarded.clients["operator"].xadd("t:{0}:requests:normal", {"request_id": "r"})


@check("nobody flushes, configures, stops, or reaches what is somebody else's")
def never(guarded):
    for user in USERS:
        for command in NEVER:
            assert guarded.refuses(user, *command), (user, command)
    for user in ("worker", "supervisor"):
        for command in (("SCAN", "0"), ("CONFIG", "GET", "*"), ("CLIENT", "LIST"),
                        ("XTRIM", "t:{0}:ledger", "MAXLEN", "0")):
            assert guarded.refuses(user, *command), (user, command)


with Server() as server:
    run(Guarded(server))
