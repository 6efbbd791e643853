"""Branches of the scripts by which the ledger's outbox is emptied."""
from harness.books import Call
from harness.branches import branch


def carried(b, *ids, token="1"):
    return Call("carried", (b.key("ledger"), b.key("lease")), (token, *ids))


def epoch(b, number, token="1"):
    return Call("epoch", (b.key("epoch"), b.key("lease")), (token, number))


def rows(b, count):
    return [b.client.xadd(b.key("ledger"), {"request_id": f"r{n}"}) for n in range(count)]


@branch("carried", "what PostgreSQL has leaves the outbox, and nothing else", again=0)
def _(b):
    b.lead()
    first, second, third = rows(b, 3)
    answer = yield carried(b, first, third)
    assert answer == 2
    assert [id for id, _ in b.client.xrange(b.key("ledger"))] == [second]


@branch("carried", "a hundred rows are one call", again=0)
def _(b):
    b.lead()
    ids = rows(b, 101)
    answer = yield carried(b, *ids[:100])
    assert answer == 100 and b.client.xlen(b.key("ledger")) == 1


@branch("carried", "who has slept through its lease takes nothing out", again="fenced")
def _(b):
    b.lead("2")
    [id] = rows(b, 1)
    answer = yield carried(b, id)
    assert answer == "fenced" and b.client.xlen(b.key("ledger")) == 1


@branch("epoch", "the epoch is written down", again="begun")
def _(b):
    b.lead()
    answer = yield epoch(b, 7)
    assert answer == "begun" and b.client.get(b.key("epoch")) == "7"
    assert b.client.pttl(b.key("epoch")) == -1


@branch("epoch", "who has slept through its lease begins none", again="fenced")
def _(b):
    b.lead("2")
    answer = yield epoch(b, 7)
    assert answer == "fenced" and not b.client.exists(b.key("epoch"))


def rebuild(b, *costs, token="1"):
    keys = (b.user("u1", "cost"), b.user("u1", "costlog"), b.user("u1", "requests"), b.key("lease"))
    return Call("rebuild", keys, (token, b.now, *(part for cost in costs for part in cost)))


def rebuild_global(b, nano, life="3 run"):
    keys = tuple(b.fleet + part for part in ("cost", "spend", "books"))
    return Call("rebuild_global", keys, (nano, b.now // 1000, "0", life))


@branch("rebuild", "what Redis has lost of an hour is put back, what it has is left", again=0)
def _(b):
    b.lead()
    b.client.zadd(b.user("u1", "costlog"), {"400:r1:1": b.now - 10})
    b.client.hset(b.user("u1", "cost"), "settled_nanousd", 400)
    answer = yield rebuild(b, (b.now - 10, 400, "r1", 1), (b.now - 5, 10**15, "a:b", 2),
                           (b.now - 4, 0, "r3", 1))
    assert answer == 1 and b.cost() == (10**15 + 400, 0)
    assert b.client.zrange(b.user("u1", "costlog"), 0, -1, withscores=True) == [
        ("400:r1:1", b.now - 10), ("1000000000000000:a:b:2", b.now - 5)]
    assert b.client.zrange(b.user("u1", "requests"), 0, -1) == ["r1", "a:b", "r3"]


@branch("rebuild", "who has slept through its lease puts nothing back", again="fenced")
def _(b):
    b.lead("2")
    answer = yield rebuild(b, (b.now, 400, "r1", 1))
    assert answer == "fenced" and b.cost() == (0, 0)


@branch("rebuild_global", "the fleet's hour is at least the ledger's, and the books are open", again="0")
def _(b):
    b.client.hset(b.fleet + "cost", "settled_nanousd", 10**15)
    answer = yield rebuild_global(b, 10**15 + 7)
    second = str(b.now // 1000)
    assert answer == "7" and b.fleet_cost() == (10**15 + 7, 0)
    assert b.client.hgetall(b.fleet + "spend") == {second: "7", "from": second, "last": second}
    assert b.client.hgetall(b.fleet + "books") == {"0": "3 run"}


@branch("rebuild_global", "an hour that is larger stays", again="0")
def _(b):
    b.client.hset(b.fleet + "cost", "settled_nanousd", 9)
    answer = yield rebuild_global(b, 7)
    assert answer == "0" and b.fleet_cost() == (9, 0)
    assert not b.client.exists(b.fleet + "spend")
    assert b.client.hgetall(b.fleet + "books") == {"0": "3 run"}


@branch("reserve_global", "while a partition's books are not open nothing of it is spent",
        again=["refused", "0", "1000"])
def _(b):
    b.client.hset(b.fleet + "books", "1", "3 run")
    answer = yield b.reserve(needs_books=True)
    assert answer == ["refused", "0", "1000"]
    assert not b.client.exists(b.fleet + "reservations")


@branch("reserve_global", "once they are open it is")
def _(b):
    b.client.hset(b.fleet + "books", "0", "3 run")
    answer = yield b.reserve(needs_books=True)
    assert answer[0] == "granted"
