#!/usr/bin/env python3
"""Every branch of every script: its answer and what it writes, once and again; with one of its keys of
the wrong type; in a full Redis; in one that has forgotten the scripts; on a cluster's three nodes."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import harness  # noqa: F401
import redis
from support.checks import check, run

from harness.books import SHAS, SOURCES, Books, load, snapshot
from harness import (  # noqa: F401
    batches, counting, further_calls, ledger, replays, sharing, taking_back)
from harness.branches import BRANCHES, SAME, SAME_BUT_INHERITED
from harness.servers import Cluster, Server


def fresh(server, partition="0"):
    """Empty books on this server, whose scripts are loaded."""
    server.client.flushall()
    books = Books(server.client, partition)
    books.make_groups()
    return books


def begin(server, branch, partition="0"):
    """The branch with its state made: its books, its steps, and the call to make."""
    books = fresh(server, partition)
    steps = branch.steps(books)
    return books, steps, next(steps)


def finish(steps, answer):
    try:
        steps.send(answer)
    except StopIteration:
        return
    raise AssertionError("a branch yields one call")


def each(server, test):
    """The test on every branch; all that fail are told."""
    load(server.client)
    failed = []
    for branch in BRANCHES:
        try:
            test(server, branch)
        except (AssertionError, redis.RedisError) as error:
            failed.append(f"{branch.script}, {branch.sentence}: {error!r}")
    assert not failed, f"{len(failed)} failed\n  " + "\n  ".join(failed)


@check("every script has branches")
def complete(_):
    # What supervisors alone look at and give up by is tested through them: SupervisorTests.
    missing = set(SOURCES) - {branch.script for branch in BRANCHES}
    assert missing <= {"abandon", "held", "measure", "peek"}, f"without a branch: {missing}"


@check("every branch answers and writes what its header says")
def answers(server):
    def test(server, branch):
        books, steps, call = begin(server, branch)
        finish(steps, books.run(call))
    each(server, test)


@check("every call can be repeated: the second changes nothing")
def repeated(server):
    def test(server, branch):
        if branch.again is None:
            return
        books, _, call = begin(server, branch)
        first = books.run(call)
        before = snapshot(server.raw)
        second = books.run(call)
        expected = first if branch.again is SAME else branch.again
        if branch.again is SAME_BUT_INHERITED:
            expected = first[:8] + ["", "", "0", "0", *first[12:]]
        assert second == expected, f"{second} in place of {expected}"
        assert snapshot(server.raw) == before, "the second call has written"
    each(server, test)


def other_type(client, key):
    """Puts at this key a value of another type, for any script that reads or writes it."""
    was = client.type(key)
    client.delete(key)
    if was == "string" or ":alone:" in key:
        client.sadd(key, "x")
    else:
        client.set(key, "x")


@check("a key of the wrong type: all that the script does is done, or nothing")
def wrong_types(server):
    def test(server, branch):
        _, _, call = begin(server, branch)
        for index, key in enumerate(call.keys):
            books, _, call = begin(server, branch)
            other_type(server.client, key)
            before = snapshot(server.raw)
            try:
                books.run(call)
            except redis.ResponseError as error:
                assert "WRONGTYPE" in str(error), error
                changed = [k for k, v in snapshot(server.raw).items() if before.get(k) != v]
                changed += [k for k in before if not server.raw.exists(k)]
                assert not changed, f"KEYS[{index + 1}]: half is written: {changed}"
    each(server, test)


def shape(client):
    """What is stored, without the IDs and times that differ from run to run."""
    found = {}
    for key in sorted(client.keys("*")):
        kind = client.type(key)
        if kind == "hash":
            value = {name: v for name, v in client.hgetall(key).items()
                     if name != "entry" and not name.endswith(":ms")}
        elif kind == "stream":
            value = [[(n, v) for n, v in fields.items()
                      if n.removeprefix("entry.") not in ("at", "entry_id", "requeued_from")]
                     for _, fields in client.xrange(key)]
            groups = client.xinfo_groups(key)
            value.append([(group["name"], group["pending"]) for group in groups])
        elif kind == "zset":
            value = client.zrange(key, 0, -1, withscores=True)
        elif kind == "list":
            value = client.llen(key)
        else:
            value = None
        found[key] = (kind, value, client.pttl(key) >= 0)
    return found


@check("a full Redis: all that the script does is done, or nothing")
def full(server):
    def test(server, branch):
        client = server.client
        now = Books(client).now
        outcomes = []
        for is_full in (False, True):
            books = fresh(server)
            books.now = now
            steps = branch.steps(books)
            call = next(steps)
            before = snapshot(server.raw)
            if is_full:
                client.config_set("maxmemory", 1)
            try:
                answer = books.run(call)
            except redis.exceptions.OutOfMemoryError:
                assert snapshot(server.raw) == before, "half is written"
                return
            finally:
                client.config_set("maxmemory", 0)
            outcomes.append(shape(client))
        assert outcomes[0] == outcomes[1], f"{answer}: {outcomes[0]} became {outcomes[1]}"
    each(server, test)


ALWAYS = {
    "commit": "committed", "requeue": "requeued", "fail": "failed", "settle_global": "settled",
    "bury": "buried", "remind": "reminded",
}


@check("a full Redis still ends requests, takes them back and settles what they cost")
def full_ends(server):
    done = set()

    def test(server, branch):
        books, _, call = begin(server, branch)
        server.client.config_set("maxmemory", 1)
        try:
            answer = books.run(call)
        except redis.exceptions.OutOfMemoryError:
            assert branch.script not in ALWAYS, "refused"
        else:
            done.add((branch.script, str(answer)))
        finally:
            server.client.config_set("maxmemory", 0)
    each(server, test)
    for script, answer in ALWAYS.items():
        assert any(name == script and answer in said for name, said in done), (script, done)


@check("a Redis that has forgotten the scripts says so, writes nothing, and learns them again")
def forgotten(server):
    def test(server, branch):
        load(server.client)
        books, steps, call = begin(server, branch)
        before = snapshot(server.raw)
        server.client.script_flush()
        try:
            books.run(call)
        except redis.exceptions.NoScriptError:
            pass
        else:
            raise AssertionError("NOSCRIPT is missing")
        assert snapshot(server.raw) == before
        assert server.client.script_load(SOURCES[call.script]) == SHAS[call.script]
        answer = books.run(call)
        load(server.client)
        finish(steps, answer)
    each(server, test)


@check("a branch that was begun before Redis was killed ends after it, from the log alone")
def restarted(_):
    with Server("--appendonly", "yes", "--appendfsync", "always") as server:
        load(server.client)
        for branch in BRANCHES:
            if branch.script not in ("commit", "requeue", "fail", "settle_global"):
                continue
            if branch.again in (None, SAME):
                continue
            books, steps, call = begin(server, branch)
            done = books.run(call)
            server.kill()
            assert server.start()
            books.client = server.client
            load(server.client)
            # The reply may have been lost with the connection: asked again, it has been done.
            second = books.run(call)
            assert second == branch.again, f"{branch.sentence}: {second}"
            finish(steps, done)


@check("on a cluster every script finds all it touches in one slot, on each of three nodes")
def clustered(_):
    with Cluster() as cluster:
        partitions = {}
        for number in range(1000):
            node = cluster.node_of(f"t:{{{number}}}:lease")
            partitions.setdefault(node.port, (node, str(number)))
            if len(partitions) == 3:
                break
        assert len(partitions) == 3
        fleet = cluster.node_of("t:{global}:cost")
        for node, partition in partitions.values():
            def test(node, branch):
                is_fleets = branch.script.endswith("_global") or branch.script in ("breaker", "allowance")
                if is_fleets and node is not fleet:
                    return
                if branch.script in ("join", "share"):
                    if cluster.node_of(Books(None, partition).question()) is not node:
                        return
                books, steps, call = begin(node, branch, partition)
                finish(steps, books.run(call))
            each(node, test)


with Server() as server:
    run(server)
