"""Every branch of every script, as its header names them.

A branch is a generator: what it does first is the state that the script meets; it yields the call, is
sent the answer, and looks at what is in the books then. `again` is the answer to the same call a second
time, which then changes nothing (None: it is not harmless, and says so).
"""
from dataclasses import dataclass
from typing import Any, Callable

from harness.books import DEDUPE_TTL, HOUR, REPLY_TTL, Books

SAME = object()  # the second answer is the first
# The second answer is the first, but for the dead attempt, which is told once.
SAME_BUT_INHERITED = object()


@dataclass(frozen=True)
class Branch:
    script: str
    sentence: str
    steps: Callable[[Books], Any]
    again: Any


BRANCHES = []


def branch(script, sentence, again=SAME):
    def add(steps):
        BRANCHES.append(Branch(script, sentence, steps, again))
        return steps
    return add


def admitted(b, request="r1", queue="normal", consumer="w1", boot="b1", user="u1", **others):
    """An entry that is admitted and runs: its ID."""
    id = b.delivered(request, consumer, queue)
    answer = b.run(b.admit(id, request, queue, consumer, boot, user, **others))
    assert answer[0] == "granted", answer
    return id


def calling(b, request="r1", most=1000, **others):
    """One that is at the model."""
    id = admitted(b, request, most=most, **others)
    kept = {name: others[name] for name in ("boot",) if name in others}
    assert b.run(b.call(request, most=most, **kept)) == "marked"
    return id


def ended(b, request="r1", **others):
    id = admitted(b, request)
    assert b.run(b.commit(id, request, **others)) == "committed"
    return id


def requeued(b, request="r1", why="dead", **others):
    """One that was admitted, whose worker died, and that waits on the retry stream: its new ID."""
    id = admitted(b, request, **others)
    b.lead()
    answer = b.run(b.requeue(id, request, why=why))
    assert answer[0] == "requeued", answer
    return answer[1]


def released(b, request="r1"):
    """One that was handed back while it was at the model, and that w2 has read again: its new ID."""
    id = calling(b, request)
    assert b.run(b.requeue(id, request, why="release"))[5] == "1000"
    [new] = b.read("w2", "retry")
    return new


def spends(b, cost, now, request, user="u1"):
    """A request that ended at that time and cost so much."""
    id = b.delivered(request)
    answer = b.run(b.admit(
        id, request, user=user, now=now, most=cost, limits_requests=False, tiers=(("free", 0, 10**15),)))
    assert answer[0] == "granted", answer
    assert b.run(b.commit(id, request, user=user, cost=cost, now=now)) == "committed"


# admit


@branch("admit", "a new request takes its place and reserves all it asks for")
def _(b):
    id = b.delivered()
    answer = yield b.admit(id)
    resets = str(b.now + HOUR)
    assert answer == ["granted", 1, "1000", str(b.now + 30_000), "free", "2", "10000", resets,
                      "", "", "0", "0", ""], answer
    state = b.state()
    assert state == {
        "state": "running", "user": "u1", "hash": "h1", "attempt": "1", "owner": "w1",
        "boot": "b1", "entry": id, "queue": "normal", "deadline": str(b.now + 30_000),
        "reserved": "1000"}, state
    assert b.client.pexpiretime(b.record("r1")) == b.now + 30_000 + DEDUPE_TTL
    assert b.client.zrange(b.user("u1", "requests"), 0, -1, withscores=True) == [("r1", b.now)]
    assert b.client.zrange(b.key("due"), 0, -1, withscores=True) == [("r1", b.now + 30_000)]
    assert b.cost() == (0, 1000)
    assert b.client.hget(b.user("u1", "cost"), "limit_nanousd") == "10000"
    assert b.counters() == {"admitted": 1}


@branch("admit", "the tier that a token claims stands above the profile's, and above what that has beside it")
def _(b):
    tiers = (("free", 3, 10_000), ("basic", 7, 50_000))
    b.client.hset(b.user("u1", "profile"), mapping={"tier": "free", "requests_per_hour": "1"})
    answer = yield b.admit(b.delivered(), tiers=tiers, claimed="basic", seal="basic.00ff")
    assert answer[4:7] == ["basic", "6", "50000"], answer
    assert b.state()["seal"] == "basic.00ff"


@branch("admit", "a claim that says what the profile says leaves what the profile has beside it")
def _(b):
    b.client.hset(b.user("u1", "profile"), mapping={"tier": "free", "requests_per_hour": "2"})
    answer = yield b.admit(b.delivered(), claimed="free")
    assert answer[4:6] == ["free", "1"] and "seal" not in b.state(), answer


@branch("admit", "the approval level of a profile goes with it, whatever tier a token claims")
def _(b):
    b.client.hset(b.user("u1", "profile"), mapping={"tier": "t1", "approval_level": "2"})
    answer = yield b.admit(b.delivered(), claimed="free")
    assert answer[12] == "2", answer


@branch("admit", "without limits nothing is reserved, and everything granted")
def _(b):
    id = b.delivered()
    answer = yield b.admit(
        id, limits_requests=False, limits_cost=False, tiers=(("free", 0, 0),))
    assert answer[:3] == ["granted", 1, "1000"]
    assert b.cost() == (0, 0) and b.state()["reserved"] == "0"


@branch("admit", "what has been spent leaves less than it asks for: it gets what is left")
def _(b):
    spends(b, 9500, b.now, "r0")
    id = b.delivered()
    answer = yield b.admit(id)
    assert answer[:3] == ["granted", 1, "500"] and answer[6] == "500", answer
    assert b.cost() == (9500, 500)


@branch("admit", "what others reserve keeps it out: it waits")
def _(b):
    admitted(b, "r0", most=9500)
    id = b.delivered()
    answer = yield b.admit(id)
    assert answer == ["wait", "250"], answer
    assert b.state()["state"] == "parked" and b.state()["reserved"] == "0"
    assert b.cost() == (0, 9500)
    assert b.counters() == {"admitted": 2, "parked": 1}
    assert b.client.zcard(b.user("u1", "requests")) == 2, "its place is taken"


@branch("admit", "what others reserve keeps it out, and it may not wait: it gets what is left")
def _(b):
    admitted(b, "r0", most=9500)
    id = b.delivered()
    answer = yield b.admit(id, may_wait=False)
    assert answer[:3] == ["granted", 1, "500"], answer
    assert b.cost() == (0, 10_000)


@branch("admit", "too little is left beside others' reservations, and it may not wait: refused")
def _(b):
    admitted(b, "r0", most=9950)
    id = b.delivered()
    answer = yield b.admit(id, may_wait=False)
    assert answer == ["refused", "cost", "free", "50", "1000"], answer
    assert b.cost() == (0, 9950) and not b.state()
    assert b.client.zcard(b.user("u1", "requests")) == 1


@branch("admit", "one that waited is granted when there is room, in the same place")
def _(b):
    first = admitted(b, "r0", most=9500)
    id = b.delivered()
    assert b.run(b.admit(id))[0] == "wait"
    assert b.run(b.commit(first, "r0", cost=500)) == "committed"
    answer = yield b.admit(id, now=b.now + 300)
    assert answer[:3] == ["granted", 1, "1000"], answer
    assert b.client.zscore(b.user("u1", "requests"), "r1") == b.now
    counters = b.counters()
    assert counters["parked"] == 0 and counters["admitted"] == 2
    assert b.cost() == (500, 1000)


@branch("admit", "one that waited and may not any longer leaves nothing behind")
def _(b):
    admitted(b, "r0", most=9950)
    id = b.delivered()
    assert b.run(b.admit(id))[0] == "wait"
    answer = yield b.admit(id, may_wait=False)
    assert answer[:2] == ["refused", "cost"], answer
    assert not b.state() and b.cost() == (0, 9950)
    assert b.client.zrange(b.user("u1", "requests"), 0, -1) == ["r0"]
    assert b.client.zrange(b.key("due"), 0, -1) == ["r0"]
    assert b.counters() == {"admitted": 1, "parked": 0}


@branch("admit", "the hour's requests are taken: refused until the first leaves")
def _(b):
    for index in range(3):
        admitted(b, f"r{index}", now=b.now + index * 1000, most=10, least=10)
    id = b.delivered("r9")
    answer = yield b.admit(id, "r9", now=b.now + 5000)
    assert answer == ["refused", "requests", "free", "0", str(HOUR - 5000)], answer
    assert not b.state("r9") and b.counters()["admitted"] == 3


@branch("admit", "no requests are allowed at all: refused for ever")
def _(b):
    id = b.delivered()
    answer = yield b.admit(id, tiers=(("free", 0, 10_000),))
    assert answer == ["refused", "requests", "free", "0", "-1"], answer


@branch("admit", "the hour's cost is spent: refused until enough of it leaves")
def _(b):
    for index in range(4):
        spends(b, 2499, b.now + index * 1000, f"r{index}")
    id = b.delivered("r9")
    # 4 are left; 2,500 are asked for at the least, so the first must go, and 2,503 are left then.
    answer = yield b.admit(id, "r9", least=2500, most=2600, now=b.now + 5000,
                           limits_requests=False)
    assert answer == ["refused", "cost", "free", "4", str(HOUR - 5000)], answer
    assert not b.state("r9") and b.cost() == (9996, 0)


@branch("admit", "more costs have left than one call counts off: it waits, and they are counted off",
        again=None)
def _(b):
    for index in range(250):
        b.client.zadd(b.user("u1", "costlog"), {f"40:x{index}:1": b.now - HOUR - 250 + index})
    b.client.hset(b.user("u1", "cost"), "settled_nanousd", 10_000)
    id = b.delivered()
    answer = yield b.admit(id, least=9000, most=9000)
    assert list(map(str, answer)) == ["wait", "1"], answer
    assert b.run(b.admit(id, least=9000, most=9000))[0] == "wait"
    assert b.run(b.admit(id, least=9000, most=9000))[:3] == ["granted", 1, "9000"]
    assert b.cost() == (0, 9000)


@branch("admit", "more costs have left than one call counts off, and it may not wait: soon",
        again=None)
def _(b):
    for index in range(250):
        b.client.zadd(b.user("u1", "costlog"), {f"40:x{index}:1": b.now - HOUR - 250 + index})
    b.client.hset(b.user("u1", "cost"), "settled_nanousd", 10_000)
    id = b.delivered()
    answer = yield b.admit(id, least=9000, most=9000, may_wait=False)
    assert answer == ["refused", "cost", "free", "4000", "1"], answer
    assert b.cost() == (6000, 0), "they are counted off all the same"


@branch("admit", "a log that expired counts no more, and costs without a sum give no credit")
def _(b):
    b.client.hset(b.user("u1", "cost"), "settled_nanousd", 9999)
    b.client.zadd(b.user("u2", "costlog"), {"5000:x:1": b.now - HOUR - 5})
    other = b.delivered("r2")
    assert b.run(b.admit(other, "r2", user="u2"))[6] == "10000"
    id = b.delivered()
    answer = yield b.admit(id)
    assert answer[:3] == ["granted", 1, "1000"] and answer[6] == "10000", answer
    assert b.cost("u1") == (0, 1000) and b.cost("u2") == (0, 1000)


@branch("admit", "one call may cost more than the hour: refused for ever")
def _(b):
    id = b.delivered()
    answer = yield b.admit(id, least=10_001, most=10_002)
    assert answer == ["refused", "cost", "free", "10000", "-1"], answer


@branch("admit", "a profile's tier and limits come first")
def _(b):
    b.client.hset(b.user("u1", "profile"), mapping={
        "tier": "basic", "requests_per_hour": "7", "cost_per_hour_nanousd": "70000"})
    id = b.delivered()
    answer = yield b.admit(id)
    assert answer[4:7] == ["basic", "6", "70000"], answer


@branch("admit", "a profile with a tier that nobody knows is on the default tier")
def _(b):
    b.client.hset(b.user("u1", "profile"), "tier", "platinum")
    id = b.delivered()
    answer = yield b.admit(id)
    assert answer[4:7] == ["free", "2", "10000"], answer


@branch("admit", "one user's share of the fleet's hour bounds the tier")
def _(b):
    id = b.delivered()
    answer = yield b.admit(id, share=1500)
    assert answer[6] == "1500", answer
    assert b.client.hget(b.user("u1", "cost"), "limit_nanousd") == "1500"


@branch("admit", "an entry that is not this consumer's is lost")
def _(b):
    id = b.delivered(consumer="w2")
    answer = yield b.admit(id)
    assert answer == ["lost"] and not b.state()


@branch("admit", "an entry that nobody has read is lost")
def _(b):
    answer = yield b.admit(b.add())
    assert answer == ["lost"]


@branch("admit", "another entry of one that runs in this process adds nothing", again=["lost"])
def _(b):
    admitted(b)
    id = b.delivered()
    answer = yield b.admit(id)
    assert answer == ["duplicate"]
    assert id not in b.pending() and b.client.xlen(b.requests("normal")) == 1
    assert b.counters() == {"admitted": 1, "duplicate:normal": 1}


@branch("admit", "another entry of one that runs elsewhere adds nothing", again=["lost"])
def _(b):
    admitted(b)
    id = b.delivered(consumer="w2")
    answer = yield b.admit(id, consumer="w2", boot="b2")
    assert answer == ["duplicate"] and b.state()["owner"] == "w1"


@branch("admit", "another entry of one that waits on the retry stream adds nothing", again=["lost"])
def _(b):
    requeued(b)
    id = b.delivered(consumer="w2")
    answer = yield b.admit(id, consumer="w2", boot="b2")
    assert answer == ["duplicate"] and b.state()["state"] == "waiting"


@branch("admit", "another entry of one that ended adds nothing, and its answer lives on",
        again=["lost"])
def _(b):
    ended(b)
    b.client.pexpire(b.reply("r1"), 1000)
    id = b.delivered()
    answer = yield b.admit(id)
    assert answer == ["duplicate"]
    assert b.client.pttl(b.reply("r1")) > REPLY_TTL - 10_000
    assert len(b.events()) == 1


@branch("admit", "an entry of another stream that happens to have the same ID is another entry",
        again=["lost"])
def _(b):
    id = admitted(b)
    b.client.xadd(b.requests("high"), {"request_id": "r1", "payload": "{}"}, id)
    assert b.read("w1", "high") == [id]
    answer = yield b.admit(id, queue="high")
    assert answer == ["duplicate"] and b.pending() == {id: "w1"} and b.pending("high") == {}


@branch("admit", "one that ended, and whose answer is gone, is told what became of it")
def _(b):
    ended(b, event="rejected", code="unsuitable", cost=17)
    b.client.delete(b.reply("r1"))
    id = b.delivered()
    answer = yield b.admit(id)
    assert answer == ["expired", "unsuitable", "17"]
    assert id in b.pending()


@branch("admit", "another user's request under the same id is a conflict")
def _(b):
    admitted(b)
    id = b.delivered()
    answer = yield b.admit(id, user="u2")
    assert answer == ["conflict"] and b.state()["user"] == "u1"


@branch("admit", "another payload under the same id is a conflict")
def _(b):
    ended(b)
    id = b.delivered()
    answer = yield b.admit(id, hash="h2")
    assert answer == ["conflict"] and b.state()["hash"] == "h1"


@branch("admit", "one that was requeued runs again in its own place")
def _(b):
    new = requeued(b)
    assert b.read("w2", "retry") == [new]
    answer = yield b.admit(new, queue="retry", consumer="w2", boot="b2", attempt=2,
                           now=b.now + 1000, deadline=b.now + 99_000)
    assert answer[:4] == ["granted", 2, "1000", str(b.now + 30_000)], answer
    assert b.client.zscore(b.user("u1", "requests"), "r1") == b.now
    assert b.cost() == (0, 1000) and b.counters()["admitted"] == 1


@branch("admit", "one that waits, and whose entry has vanished, is run as the entry that comes again")
def _(b):
    new = requeued(b)
    b.client.xdel(b.requests("retry"), new)
    id = b.delivered(consumer="w2")
    answer = yield b.admit(id, consumer="w2", boot="b2")
    assert answer[:2] == ["granted", 2], answer
    assert b.state()["entry"] == id and b.state()["queue"] == "normal"


@branch("admit", "one that another process runs asks for that one's sign of life")
def _(b):
    id = admitted(b)
    b.client.xclaim(b.requests("normal"), "workers", "w2", 0, [id])
    answer = yield b.admit(id, consumer="w2", boot="b2")
    assert answer == ["owner", "w1"]
    assert b.pending() == {id: "w2"}


@branch("admit", "one that a living process runs goes back to it", again=["lost"])
def _(b):
    id = admitted(b)
    b.live("w1")
    b.client.xclaim(b.requests("normal"), "workers", "w2", 0, [id])
    answer = yield b.admit(id, consumer="w2", boot="b2", owner="w1")
    assert answer == ["returned"]
    assert b.pending() == {id: "w1"} and b.state()["owner"] == "w1"


@branch("admit", "another entry of what a living process ran adds nothing", again=["lost"])
def _(b):
    first = admitted(b)
    b.live("w1")
    b.client.xdel(b.requests("normal"), first)
    id = b.delivered(consumer="w2")
    answer = yield b.admit(id, consumer="w2", boot="b2", owner="w1")
    assert answer == ["duplicate"]


@branch("admit", "one that a dead process ran is taken over, as the next attempt",
        again=SAME_BUT_INHERITED)
def _(b):
    id = admitted(b)
    b.client.xclaim(b.requests("normal"), "workers", "w2", 0, [id])
    answer = yield b.admit(id, consumer="w2", boot="b2", owner="w1")
    assert answer[:3] == ["granted", 2, "1000"] and answer[8:12] == [1, 1, "0", "0"], answer
    assert b.cost() == (0, 1000) and b.ledger() == []
    assert b.state()["owner"] == "w2" and b.state()["boot"] == "b2"


@branch("admit", "one that a dead process had at the model is charged to the house",
        again=SAME_BUT_INHERITED)
def _(b):
    id = calling(b, most=800)
    b.client.xclaim(b.requests("normal"), "workers", "w2", 0, [id])
    answer = yield b.admit(id, consumer="w2", boot="b2", owner="w1")
    assert answer[:3] == ["granted", 2, "1000"] and answer[8:12] == [1, "1", "800", "0"], answer
    assert b.cost() == (0, 1000) and "calling" not in b.state()
    [row] = b.ledger()
    assert row == {
        "request_id": "r1", "user": "u1", "attempt": "1", "terminal": "0", "event": "lost",
        "payer": "house", "cost_nanousd": "800", "estimated": "1", "call": "1",
        "earlier_nanousd": "0", "owner": "w1", "at": str(b.now)}, row


@branch("admit", "one handed back at the model goes on, and its next call has a name of its own")
def _(b):
    new = released(b)
    answer = yield b.admit(new, queue="retry", consumer="w2", boot="b2")
    assert answer[:2] == ["granted", 1] and answer[8:12] == ["", "", "0", "1"], answer
    assert b.run(b.call(boot="b2", number=2, most=700)) == "marked"
    assert b.state()["call"] == "2" and b.state()["calling"] == "700"


@branch("admit", "one handed back at the model, whose next owner dies, numbers from 1 again",
        again=SAME_BUT_INHERITED)
def _(b):
    new = released(b)
    assert b.run(b.admit(new, queue="retry", consumer="w2", boot="b2"))[11] == "1"
    b.client.xclaim(b.requests("retry"), "workers", "w3", 0, [new])
    answer = yield b.admit(new, queue="retry", consumer="w3", boot="b3", owner="w2")
    # Its claim, if it had one, has the name of the next call.
    assert answer[:2] == ["granted", 2] and answer[8:12] == [1, 2, "0", "0"], answer
    assert "call" not in b.state()


@branch("admit", "one that a dead process of this very name ran is taken over",
        again=SAME_BUT_INHERITED)
def _(b):
    id = admitted(b)
    b.live("w1")  # the new process' own
    answer = yield b.admit(id, boot="b2")
    assert answer[:2] == ["granted", 2], answer
    assert b.state()["boot"] == "b2"


@branch("admit", "one that waited in a dead process waits on, as the next attempt")
def _(b):
    admitted(b, "r0", most=9500)
    id = b.delivered()
    assert b.run(b.admit(id))[0] == "wait"
    b.client.xclaim(b.requests("normal"), "workers", "w2", 0, [id])
    answer = yield b.admit(id, consumer="w2", boot="b2", owner="w1")
    assert answer == ["wait", "250"]
    assert b.state()["attempt"] == "2" and b.counters()["parked"] == 1


@branch("admit", "what a dead process ran, refused now, can still be answered")
def _(b):
    id = calling(b, most=800)
    b.client.xclaim(b.requests("normal"), "workers", "w2", 0, [id])
    answer = yield b.admit(id, consumer="w2", boot="b2", owner="w1", share=50)
    assert answer == ["refused", "cost", "free", "50", "-1"], answer
    assert b.cost() == (0, 0)
    assert [row["cost_nanousd"] for row in b.ledger()] == ["800"]
    assert b.run(b.commit(
        id, boot="", event="rejected", code="budget_exceeded", keeps=False)) == "committed"
    assert b.counters()["admitted"] == b.counters()["ended"] == 1
    assert b.client.zcard(b.key("due")) == 0


@branch("admit", "what a dead process had parked with its reservation, refused now, leaves nothing")
def _(b):
    id = admitted(b)
    assert b.run(b.call(state="parked")) == "marked"
    b.client.xclaim(b.requests("normal"), "workers", "w2", 0, [id])
    answer = yield b.admit(id, consumer="w2", boot="b2", owner="w1", share=50)
    assert answer[:2] == ["refused", "cost"], answer
    assert b.cost() == (0, 0) and b.counters()["parked"] == 0


# call


@branch("call", "a request that runs is marked as being at the model")
def _(b):
    admitted(b)
    answer = yield b.call(most=700)
    assert answer == "marked"
    assert b.state()["calling"] == "700" and b.state()["call"] == "1"
    assert b.state()["state"] == "running"


@branch("call", "a request that has its turn to wait for is parked, and keeps what it reserved")
def _(b):
    admitted(b)
    answer = yield b.call(state="parked")
    assert answer == "marked"
    assert b.state()["state"] == "parked" and b.counters()["parked"] == 1
    assert b.cost() == (0, 1000)


@branch("call", "one that waited for its turn goes to the model")
def _(b):
    admitted(b)
    b.run(b.call(state="parked"))
    answer = yield b.call()
    assert answer == "marked"
    assert b.state()["state"] == "running" and b.counters()["parked"] == 0


@branch("call", "one at the model that waits again is no longer there")
def _(b):
    calling(b)
    answer = yield b.call(state="parked")
    assert answer == "marked" and "calling" not in b.state()


@branch("call", "another attempt's request is lost")
def _(b):
    admitted(b)
    answer = yield b.call(attempt=2)
    assert answer == "lost" and "calling" not in b.state()


@branch("call", "another process' request is lost")
def _(b):
    admitted(b)
    answer = yield b.call(boot="b2")
    assert answer == "lost"


@branch("call", "a request that was requeued is lost")
def _(b):
    requeued(b)
    answer = yield b.call()
    assert answer == "lost"


@branch("call", "a request that has ended is lost")
def _(b):
    ended(b)
    answer = yield b.call()
    assert answer == "lost"


@branch("call", "a request without a record is lost")
def _(b):
    answer = yield b.call()
    assert answer == "lost" and not b.state()


# commit


@branch("commit", "a request ends: answered, acknowledged, settled, remembered", again="already")
def _(b):
    id = calling(b)
    answer = yield b.commit(id, cost=400, payload='{"x":1}', trace=("tp", "ts"), facts="[7]")
    assert answer == "committed"
    assert b.events() == [{
        "event": "result", "request_id": "r1", "attempt": "1", "at": str(b.now), "v": "1",
        "payload": '{"x":1}', "traceparent": "tp", "tracestate": "ts"}]
    assert 0 < b.client.pttl(b.reply("r1")) <= REPLY_TTL
    assert b.pending() == {} and b.client.xlen(b.requests("normal")) == 0
    assert b.state() == {"state": "ended", "user": "u1", "hash": "h1", "attempt": "1",
                         "cost": "400", "code": "result"}
    assert 0 < b.client.pttl(b.record("r1")) <= DEDUPE_TTL
    assert b.cost() == (400, 0)
    assert b.client.zrange(b.user("u1", "costlog"), 0, -1, withscores=True) == [
        ("400:r1:1", b.now)]
    assert b.client.zcard(b.user("u1", "requests")) == 1
    assert b.client.zcard(b.key("due")) == 0
    assert b.counters() == {"admitted": 1, "ended": 1, "finished:normal": 1}
    [row] = b.ledger()
    assert row == {
        "request_id": "r1", "user": "u1", "attempt": "1", "terminal": "1", "event": "result",
        "code": "", "payer": "user", "cost_nanousd": "400", "estimated": "0", "facts": "[7]",
        "at": str(b.now), "admitted": "1", "payload": '{"x":1}',
        "record": '{"v":1}'}, row


@branch("commit", "what a user has spent is known at least as long as it counts", again="already")
def _(b):
    # A long request, then a short one: the short one's end must not hurry the hour's cost away.
    id = calling(b, deadline=b.now + HOUR)
    admitted(b, "r2", deadline=b.now + 100)
    answer = yield b.commit(id, cost=400)
    assert answer == "committed"
    log, cost = (b.client.pexpiretime(b.user("u1", part)) for part in ("costlog", "cost"))
    assert cost >= log >= b.client.time()[0] * 1000 + HOUR
    assert cost >= b.now + 3 * HOUR


@branch("commit", "one that ends without a call gives its place back", again="already")
def _(b):
    id = admitted(b)
    answer = yield b.commit(id, event="rejected", code="rate_limited", keeps=False)
    assert answer == "committed"
    assert b.client.zcard(b.user("u1", "requests")) == 0
    assert b.cost() == (0, 0) and b.state()["code"] == "rate_limited"
    assert not b.client.exists(b.user("u1", "costlog"))


@branch("commit", "one that waited ends", again="already")
def _(b):
    id = admitted(b)
    b.run(b.call(state="parked"))
    answer = yield b.commit(id, event="rejected", code="rate_limited", keeps=False)
    assert answer == "committed" and b.counters()["parked"] == 0 and b.cost() == (0, 0)


@branch("commit", "one that was never admitted ends by its acknowledgement", again="already")
def _(b):
    id = b.delivered()
    answer = yield b.commit(id, boot="", event="rejected", code="invalid_request")
    assert answer == "committed"
    assert b.counters() == {"refused": 1, "finished:normal": 1}
    assert b.state()["state"] == "ended" and b.ledger()[0]["terminal"] == "1"


@branch("commit", "without a record and without an entry there is nothing to end", again="already")
def _(b):
    answer = yield b.commit("1-1", boot="", event="rejected", code="invalid_request")
    assert answer == "already" and b.events() == [] and not b.state()


@branch("commit", "a group that was made again does not lose an answer", again="already")
def _(b):
    id = calling(b)
    b.client.xgroup_destroy(b.requests("normal"), "workers")
    b.client.xgroup_create(b.requests("normal"), "workers", "0")
    answer = yield b.commit(id, cost=10)
    assert answer == "committed" and len(b.events()) == 1
    assert b.client.xlen(b.requests("normal")) == 0
    assert b.counters() == {"admitted": 1, "ended": 1, "unacknowledged:normal": 1}


@branch("commit", "a later attempt owns it", again="superseded")
def _(b):
    id = admitted(b)
    b.lead()
    b.run(b.requeue(id))
    [new] = b.read("w2", "retry")
    b.run(b.admit(new, queue="retry", consumer="w2", boot="b2"))
    answer = yield b.commit(id)
    assert answer == "superseded" and b.events() == [] and b.cost() == (0, 1000)


@branch("commit", "one that waits to be run again is not this attempt's", again="superseded")
def _(b):
    id = admitted(b)
    b.lead()
    b.run(b.requeue(id))
    answer = yield b.commit(id)
    assert answer == "superseded" and b.events() == []


@branch("commit", "another entry of one that has ended is dropped", again="already")
def _(b):
    ended(b)
    id = b.delivered()
    answer = yield b.commit(id)
    assert answer == "already" and len(b.events()) == 1
    assert b.counters()["duplicate:normal"] == 1 and b.client.xlen(b.requests("normal")) == 0


@branch("commit", "a refused entry of one that has ended renews its answer", again="already")
def _(b):
    ended(b)
    b.client.pexpire(b.reply("r1"), 1000)
    id = b.delivered()
    answer = yield b.commit(id, boot="", event="rejected", code="deadline_passed")
    assert answer == "already" and len(b.events()) == 1
    assert b.client.pttl(b.reply("r1")) > REPLY_TTL - 10_000


@branch("commit", "a refused entry under another's id is a conflict", again="conflict")
def _(b):
    admitted(b)
    id = b.delivered()
    answer = yield b.commit(id, boot="", hash="h2", event="rejected", code="invalid_request")
    assert answer == "conflict" and id in b.pending() and b.events() == []


@branch("commit", "a refused entry of one that runs as another entry is dropped", again="already")
def _(b):
    first = admitted(b)
    id = b.delivered()
    answer = yield b.commit(id, boot="", event="rejected", code="deadline_passed")
    assert answer == "already" and list(b.pending()) == [first]
    assert b.counters()["duplicate:normal"] == 1


@branch("commit", "a refused entry of another stream that has the same ID is dropped",
        again="already")
def _(b):
    id = admitted(b)
    b.client.xadd(b.requests("high"), {"request_id": "r1", "payload": "{}"}, id)
    assert b.read("w1", "high") == [id]
    answer = yield b.commit(
        id, queue="high", boot="", event="rejected", code="deadline_passed")
    assert answer == "already" and b.pending() == {id: "w1"} and b.events() == []


@branch("commit", "a refused entry of one that has ended, and whose answer is gone, is told so",
        again=["expired", "unsuitable", "17"])
def _(b):
    ended(b, event="rejected", code="unsuitable", cost=17)
    b.client.delete(b.reply("r1"))
    id = b.delivered()
    answer = yield b.commit(id, boot="", event="rejected", code="deadline_passed")
    assert answer == ["expired", "unsuitable", "17"]
    assert id in b.pending() and b.events() == []


@branch("commit", "one that was requeued is refused by who reads it", again="already")
def _(b):
    new = requeued(b)
    assert b.read("w2", "retry") == [new]
    answer = yield b.commit(new, queue="retry", boot="", event="failed", code="deadline",
                            attempt=2)
    assert answer == "committed" and b.cost() == (0, 0)
    assert b.counters()["ended"] == 1 and b.client.zcard(b.key("due")) == 0


@branch("commit", "what a dead process ran, too late now, is answered by who reads it again",
        again="already")
def _(b):
    id = calling(b, most=800)
    b.client.xgroup_destroy(b.requests("normal"), "workers")
    b.client.xgroup_create(b.requests("normal"), "workers", "0")
    assert b.read("w2") == [id]
    answer = yield b.commit(id, boot="", event="rejected", code="deadline_passed")
    assert answer == "committed"
    assert b.cost() == (0, 0) and b.counters()["ended"] == 1
    lost, terminal = b.ledger()
    assert (lost["event"], lost["payer"], lost["cost_nanousd"]) == ("lost", "house", "800")
    assert terminal["terminal"] == "1" and terminal["cost_nanousd"] == "0"


@branch("commit", "a reply's key that is no stream is told", again="unwritable")
def _(b):
    id = admitted(b)
    b.client.set(b.reply("r1"), "x")
    answer = yield b.commit(id)
    assert answer == "unwritable" and id in b.pending() and b.cost() == (0, 1000)


# event


@branch("event", "an event on the way is added while the request runs", again=None)
def _(b):
    admitted(b)
    answer = yield b.event(trace="tp")
    assert answer == 1
    [event] = b.events()
    assert event["event"] == "accepted" and event["traceparent"] == "tp"
    assert b.client.pexpiretime(b.reply("r1")) == b.now + REPLY_TTL


@branch("event", "nothing comes after the terminal event")
def _(b):
    ended(b)
    answer = yield b.event()
    assert answer == 0 and len(b.events()) == 1


@branch("event", "an event of another attempt is not added")
def _(b):
    admitted(b)
    answer = yield b.event(attempt=2)
    assert answer == 0 and b.events() == []


@branch("event", "an event of another process is not added")
def _(b):
    admitted(b)
    answer = yield b.event(boot="b2")
    assert answer == 0


@branch("event", "an event is not added to what is no stream")
def _(b):
    admitted(b)
    b.client.set(b.reply("r1"), "x")
    answer = yield b.event()
    assert answer == 0


# bury


@branch("bury", "an entry becomes a dead letter, and the id it used is told", again="already")
def _(b):
    admitted(b)
    id = b.delivered()
    answer = yield b.bury(id, "r1", fields=("request_id", "r1", "reason", "mine"), cut=3)
    assert answer == "buried"
    [(_, letter)] = b.client.xrange(b.key("dead"))
    del letter["at"]
    assert letter == {"reason": "no reason", "queue": "normal", "entry_id": id, "bytes_cut": "3",
                      "entry.request_id": "r1", "entry.reason": "mine"}
    assert [event["event"] for event in b.events()] == ["refused"]
    assert 0 < b.client.pttl(b.reply("r1")) <= REPLY_TTL
    assert b.counters() == {"admitted": 1, "dead:normal": 1}
    assert b.client.xlen(b.requests("normal")) == 1


@branch("bury", "an entry that names nobody is told to nobody", again="already")
def _(b):
    id = b.delivered()
    answer = yield b.bury(id)
    assert answer == "buried" and b.client.xlen(b.key("dead")) == 1
    assert not b.client.exists(b.reply(""))


@branch("bury", "a reply's expiry is not prolonged by what is refused", again="already")
def _(b):
    ended(b)
    b.client.pexpire(b.reply("r1"), 1000)
    id = b.delivered()
    answer = yield b.bury(id, "r1")
    assert answer == "buried" and b.client.pttl(b.reply("r1")) <= 1000
    assert [event["event"] for event in b.events()] == ["result", "refused"]


@branch("bury", "a reply's key that is no stream hinders nothing", again="already")
def _(b):
    b.client.set(b.reply("r1"), "x")
    id = b.delivered()
    answer = yield b.bury(id, "r1")
    assert answer == "buried" and b.client.xlen(b.key("dead")) == 1


@branch("bury", "dead letters that are no stream: the entry goes all the same", again="already")
def _(b):
    b.client.set(b.key("dead"), "x")
    id = b.delivered()
    answer = yield b.bury(id)
    assert answer == "unwritable" and b.client.xlen(b.requests("normal")) == 0


@branch("bury", "an entry that is not pending is left", again="already")
def _(b):
    id = b.add()
    answer = yield b.bury(id)
    assert answer == "already" and b.client.xlen(b.requests("normal")) == 1


# remind


@branch("remind", "who asks again after the answer has gone is told once", again="already")
def _(b):
    ended(b)
    b.client.delete(b.reply("r1"))
    id = b.delivered()
    answer = yield b.remind(id, trace="tp")
    assert answer == "reminded"
    [event] = b.events()
    assert event["event"] == "rejected" and event["traceparent"] == "tp"
    assert 0 < b.client.pttl(b.reply("r1")) <= REPLY_TTL
    assert b.pending() == {} and b.counters()["duplicate:normal"] == 1


@branch("remind", "who asks a third time only renews what he was told", again="already")
def _(b):
    ended(b)
    id = b.delivered()
    answer = yield b.remind(id)
    assert answer == "reminded" and len(b.events()) == 1


@branch("remind", "an entry that is not pending is left", again="already")
def _(b):
    ended(b)
    b.client.delete(b.reply("r1"))
    id = b.add()
    answer = yield b.remind(id)
    assert answer == "already" and b.events() == []


@branch("remind", "a reply's key that is no stream is told", again="unwritable")
def _(b):
    ended(b)
    b.client.delete(b.reply("r1"))
    b.client.set(b.reply("r1"), "x")
    id = b.delivered()
    answer = yield b.remind(id)
    assert answer == "unwritable" and id in b.pending()


@branch("remind", "a request that has not ended is not said to have", again="unwritable")
def _(b):
    admitted(b)
    id = b.delivered()
    answer = yield b.remind(id)
    assert answer == "unwritable" and b.events() == []


# requeue


@branch("requeue", "a dead worker's request is added again, as the next attempt", again=["moved"])
def _(b):
    id = b.delivered(authorization="Bearer x", attempt="9", v="1")
    b.run(b.admit(id))
    b.lead()
    answer = yield b.requeue(id)
    [(new, fields)] = b.client.xrange(b.requests("retry"))
    assert answer == ["requeued", new, 2, 1, 1, "0"], answer
    assert fields == {
        "request_id": "r1", "payload": "{}", "v": "1", "attempt": "2", "requeued_from": id,
        "priority": "normal", "deaths": "1", "deadline_at": str(b.now + 30_000)}, fields
    state = b.state()
    assert (state["state"], state["attempt"], state["entry"], state["queue"], state["reserved"]) \
        == ("waiting", "2", new, "retry", "0") and "boot" not in state
    assert b.cost() == (0, 0) and b.ledger() == []
    assert b.counters() == {"admitted": 1, "requeued:normal": 1}
    assert b.client.lrange(b.key("revoked:w1"), 0, -1) == [f"normal {id}"]
    assert b.client.pttl(b.key("revoked:w1")) > 0


@branch("requeue", "claims go on in the token's place: the caller's, else the record's, else the entry's",
        again=["moved"])
def _(b):
    b.lead()
    for request, own, record, given, kept in (
            ("r2", "own.1", "", "", "own.1"), ("r3", "", "record.1", "", "record.1"),
            ("r4", "own.1", "record.1", "given.1", "given.1")):
        fields = {"authorization": "Bearer x", **({"sealed": own} if own else {})}
        id = b.delivered(request, **fields)
        b.run(b.admit(id, request, user=request, seal=record))
        b.run(b.requeue(id, request, user=request, seal=given))
        [entry] = [fields for _, fields in b.client.xrange(b.requests("retry"))
                   if fields["request_id"] == request]
        assert entry["sealed"] == kept and "authorization" not in entry, entry
    id = admitted(b)
    answer = yield b.requeue(id)
    [entry] = [fields for new, fields in b.client.xrange(b.requests("retry")) if new == answer[1]]
    assert "sealed" not in entry, entry


@branch("requeue", "what a dead worker had at the model is charged to the house", again=["moved"])
def _(b):
    id = calling(b, most=800)
    b.lead()
    answer = yield b.requeue(id)
    assert answer[2:] == [2, 1, "1", "800"] or answer[2:] == [2, "1", "1", "800"], answer
    [row] = b.ledger()
    assert row == {
        "request_id": "r1", "user": "u1", "attempt": "1", "terminal": "0", "event": "lost",
        "payer": "house", "cost_nanousd": "800", "estimated": "1", "call": "1",
        "earlier_nanousd": "0", "owner": "w1", "at": str(b.now)}, row
    assert b.cost() == (0, 0) and "calling" not in b.state()


@branch("requeue", "one that waited in a dead worker is added again", again=["moved"])
def _(b):
    id = admitted(b)
    b.run(b.call(state="parked"))
    b.lead()
    answer = yield b.requeue(id)
    assert answer[0] == "requeued" and b.counters()["parked"] == 0 and b.cost() == (0, 0)


@branch("requeue", "one that a dead worker had read and not begun is added again", again=["moved"])
def _(b):
    id = b.delivered()
    b.lead()
    answer = yield b.requeue(id, user="")
    assert answer[0] == "requeued" and answer[2:] == [2, "", "", "0"] and not b.state()


@branch("requeue", "what was requeued before keeps where it came from", again=["moved"])
def _(b):
    id = admitted(b)
    b.lead()
    new = b.run(b.requeue(id))[1]
    b.read("w1", "retry")
    answer = yield b.requeue(new, queue="retry")
    [(_, fields)] = b.client.xrange(b.requests("retry"))
    assert answer[2] == 3 and fields["attempt"] == "3" and fields["deaths"] == "2"
    assert fields["priority"] == "normal" and fields["requeued_from"] == id
    assert list(fields).count("attempt") == 1


@branch("requeue", "a worker that stops hands its own back, and no attempt is charged",
        again=["moved"])
def _(b):
    id = admitted(b)
    answer = yield b.requeue(id, why="release")
    [(new, fields)] = b.client.xrange(b.requests("retry"))
    assert answer == ["requeued", new, 1, "", "", "0"], answer
    assert fields["attempt"] == "1" and fields["deaths"] == "0"
    assert b.state()["attempt"] == "1" and b.counters()["released:normal"] == 1
    assert not b.client.exists(b.key("revoked:w1"))


@branch("requeue", "a worker that stops hands back what it was calling for: the house pays",
        again=["moved"])
def _(b):
    id = calling(b)
    answer = yield b.requeue(id, why="release")
    assert answer[0] == "requeued" and answer[3:] == [1, "1", "1000"], answer
    assert b.ledger()[0]["event"] == "released" and b.ledger()[0]["call"] == "1"
    state = b.state()
    assert state["call"] == "1" and not {"calling", "boot", "owner"} & set(state), state


@branch("requeue", "what was handed back at the model, handed back again, keeps its calls' number",
        again=["moved"])
def _(b):
    new = released(b)
    answer = yield b.requeue(new, queue="retry", owner="w2", boot="b2", why="release")
    assert answer[0] == "requeued" and answer[3:] == ["", "", "0"], answer
    assert b.state()["call"] == "1" and b.state()["attempt"] == "1"


@branch("requeue", "what was handed back at the model, and died unread, numbers its calls from 1 again",
        again=["moved"])
def _(b):
    new = released(b)
    b.lead()
    answer = yield b.requeue(new, queue="retry", owner="w2")
    assert answer[2:] == [2, "", "", "0"] and "call" not in b.state(), answer
    assert len(b.ledger()) == 1


@branch("requeue", "a later call's owner died before it was sent: its name is that of the next",
        again=["moved"])
def _(b):
    new = released(b)
    assert b.run(b.admit(new, queue="retry", consumer="w2", boot="b2"))[11] == "1"
    b.lead()
    answer = yield b.requeue(new, queue="retry", owner="w2")
    assert answer[2:] == [2, 1, 2, "0"] and "call" not in b.state(), answer


@branch("requeue", "a worker that stops hands back what it has read and not begun",
        again=["moved"])
def _(b):
    id = b.delivered()
    answer = yield b.requeue(id, why="release")
    assert answer[0] == "requeued" and answer[2] == 1


@branch("requeue", "a worker that stops hands back what was requeued and it has not begun",
        again=["moved"])
def _(b):
    new = requeued(b)
    assert b.read("w2", "retry") == [new]
    answer = yield b.requeue(new, queue="retry", owner="w2", boot="b2", why="release")
    assert answer[0] == "requeued" and answer[2] == 2, answer
    assert b.state()["attempt"] == "2" and b.state()["entry"] == answer[1]


@branch("requeue", "what another process runs is not handed back")
def _(b):
    id = admitted(b)
    answer = yield b.requeue(id, why="release", boot="b2")
    assert answer == ["moved"] and b.state()["state"] == "running"


@branch("requeue", "what is overdue is taken from a living worker", again=["moved"])
def _(b):
    id = calling(b)
    b.live()
    b.lead()
    answer = yield b.requeue(id, why="overdue")
    assert answer[0] == "requeued" and b.client.llen(b.key("revoked:w1")) == 1
    [(_, fields)] = b.client.xrange(b.requests("retry"))
    assert fields["deaths"] == "0"


@branch("requeue", "a living worker's request is its own")
def _(b):
    id = admitted(b)
    b.live()
    b.lead()
    answer = yield b.requeue(id)
    assert answer == ["alive"] and b.pending() == {id: "w1"}


@branch("requeue", "what a living worker runs goes back to it from who died with it", again=["moved"])
def _(b):
    id = calling(b)
    b.live("w1")
    b.client.xclaim(b.requests("normal"), "workers", "w2", 0, [id])
    b.lead()
    answer = yield b.requeue(id, owner="w2")
    assert answer == ["moved"], answer
    assert b.pending() == {id: "w1"} and b.state()["state"] == "running"


@branch("requeue", "an attempt too many is not made")
def _(b):
    id = calling(b)
    b.lead()
    answer = yield b.requeue(id, attempts=1)
    assert answer == ["exhausted", 1] and b.state()["state"] == "running"


@branch("requeue", "deliveries count as attempts")
def _(b):
    id = b.delivered()
    b.client.xclaim(b.requests("normal"), "workers", "w1", 0, [id], retrycount=5)
    b.lead()
    answer = yield b.requeue(id)
    assert answer == ["exhausted", 5]


@branch("requeue", "what killed a worker that ran nothing else is poison")
def _(b):
    id = admitted(b)
    b.client.set(b.key("alone:w1"), id)
    b.lead()
    answer = yield b.requeue(id)
    assert answer == ["poison", 1]


@branch("requeue", "what another entry's worker ran alone is no poison", again=["moved"])
def _(b):
    id = admitted(b)
    b.client.set(b.key("alone:w1"), "1-1")
    b.lead()
    answer = yield b.requeue(id)
    assert answer[0] == "requeued"


@branch("requeue", "more fields than a script can copy are left to be buried")
def _(b):
    id = b.delivered(**{f"f{index}": "" for index in range(3600)})
    b.lead()
    answer = yield b.requeue(id)
    assert answer == ["unwieldy", 1]


@branch("requeue", "as many fields as a script can copy are copied", again=["moved"])
def _(b):
    id = b.delivered(**{f"f{index}": "" for index in range(3498)})
    b.lead()
    answer = yield b.requeue(id)
    assert answer[0] == "requeued"


@branch("requeue", "what has ended is acknowledged", again=["moved"])
def _(b):
    ended(b)
    id = b.delivered()
    b.lead()
    answer = yield b.requeue(id)
    assert answer == ["ended"] and b.client.xlen(b.requests("normal")) == 0
    assert b.counters()["duplicate:normal"] == 1


@branch("requeue", "another entry of what runs is acknowledged", again=["moved"])
def _(b):
    first = admitted(b)
    id = b.delivered(consumer="w2")
    b.lead()
    answer = yield b.requeue(id, owner="w2")
    assert answer == ["ended"] and b.pending() == {first: "w1"}


@branch("requeue", "an entry of another stream that has the same ID is another entry",
        again=["moved"])
def _(b):
    id = admitted(b)
    b.client.xadd(b.requests("high"), {"request_id": "r1", "payload": "{}"}, id)
    assert b.read("w2", "high") == [id]
    b.lead()
    answer = yield b.requeue(id, queue="high", owner="w2")
    assert answer == ["ended"] and b.state()["state"] == "running"


@branch("requeue", "an entry whose content is gone is acknowledged", again=["moved"])
def _(b):
    id = b.delivered()
    b.client.xdel(b.requests("normal"), id)
    b.lead()
    answer = yield b.requeue(id)
    assert answer == ["ghost"] and b.pending() == {} and b.counters() == {"ghosts:normal": 1}


@branch("requeue", "an entry that is another's has moved")
def _(b):
    id = admitted(b)
    b.lead()
    answer = yield b.requeue(id, owner="w2")
    assert answer == ["moved"]


@branch("requeue", "a record of another user than was looked up is looked up again")
def _(b):
    id = admitted(b)
    b.lead()
    answer = yield b.requeue(id, user="u2")
    assert answer == ["moved"]


@branch("requeue", "who has slept through its lease writes nothing")
def _(b):
    id = admitted(b)
    b.lead("2")
    answer = yield b.requeue(id)
    assert answer == ["fenced"]


@branch("requeue", "without a lease nobody supervises")
def _(b):
    id = admitted(b)
    answer = yield b.requeue(id)
    assert answer == ["fenced"]


# fail


@branch("fail", "a request that cannot succeed is answered and buried", again=["moved"])
def _(b):
    id = b.delivered(Authorization="Bearer x")
    b.run(b.admit(id))
    b.run(b.call(most=800))
    b.lead()
    answer = yield b.fail(id, attempts=1, trace="tp")
    assert answer[0] == "failed" and [str(one) for one in answer[1:]] == ["1", "1", "800"], answer
    [(_, letter)] = b.client.xrange(b.key("dead"))
    assert "entry.Authorization" not in letter and letter["entry.request_id"] == "r1"
    assert letter["bytes_cut"] == "0" and letter["attempts"] == "1"
    [event] = b.events()
    assert event["event"] == "failed" and event["traceparent"] == "tp"
    assert b.cost() == (0, 0) and b.client.zcard(b.key("due")) == 0
    [row] = b.ledger()
    assert (row["terminal"], row["payer"], row["cost_nanousd"], row["estimated"]) == (
        "1", "house", "800", "1")
    assert b.state() == {"state": "ended", "user": "u1", "hash": "h1", "attempt": "1",
                         "cost": "0", "code": "attempts_exhausted"}
    assert b.counters() == {"admitted": 1, "ended": 1, "dead:normal": 1}


@branch("fail", "one that was never admitted is answered", again=["moved"])
def _(b):
    id = b.delivered()
    b.lead()
    answer = yield b.fail(id)
    assert answer == ["failed", "", "", "0"]
    assert b.counters() == {"refused": 1, "dead:normal": 1} and b.state()["state"] == "ended"


@branch("fail", "one that waited is answered", again=["moved"])
def _(b):
    id = admitted(b)
    b.run(b.call(state="parked"))
    b.lead()
    answer = yield b.fail(id)
    assert answer[0] == "failed" and b.counters()["parked"] == 0 and b.cost() == (0, 0)


@branch("fail", "one that was requeued is answered", again=["moved"])
def _(b):
    new = requeued(b)
    b.read("w1", "retry")
    answer = yield b.fail(new, queue="retry")
    assert answer == ["failed", "", "", "0"] and b.counters()["ended"] == 1


@branch("fail", "an entry that names nobody is only buried", again=["moved"])
def _(b):
    id = b.delivered()
    b.lead()
    answer = yield b.fail(id, request="", user="", hash="")
    assert answer == ["failed", "", "", "0"] and b.client.xlen(b.key("dead")) == 1
    assert b.ledger() == []


@branch("fail", "a dead letter is bounded, and says what was cut", again=["moved"])
def _(b):
    id = b.delivered(big="x" * 300_000, **{f"f{index}": "yy" for index in range(1200)})
    b.lead()
    answer = yield b.fail(id)
    assert answer[0] == "failed"
    [(_, letter)] = b.client.xrange(b.key("dead"))
    kept = {name[6:]: value for name, value in letter.items() if name.startswith("entry.")}
    size = sum(len(name) + len(value) for name, value in kept.items())
    assert size <= 262_144 and len(kept) <= 1000
    fields = {"request_id": "r1", "payload": "{}", "big": "x" * 300_000,
              **{f"f{index}": "yy" for index in range(1200)}}
    whole = sum(len(name) + len(value) for name, value in fields.items())
    assert int(letter["bytes_cut"]) == whole - size


@branch("fail", "dead letters and replies that are no streams hinder nothing", again=["moved"])
def _(b):
    id = admitted(b)
    b.lead()
    b.client.set(b.key("dead"), "x")
    b.client.set(b.reply("r1"), "x")
    answer = yield b.fail(id)
    assert answer[0] == "failed" and b.state()["state"] == "ended"


@branch("fail", "what has ended is only acknowledged", again=["moved"])
def _(b):
    ended(b)
    id = b.delivered()
    b.lead()
    answer = yield b.fail(id)
    assert answer == ["ended"] and len(b.events()) == 1
    assert b.counters()["duplicate:normal"] == 1


@branch("fail", "another entry of what runs is only acknowledged", again=["moved"])
def _(b):
    admitted(b)
    id = b.delivered(consumer="w2")
    b.lead()
    answer = yield b.fail(id, owner="w2")
    assert answer == ["ended"] and b.state()["state"] == "running"


@branch("fail", "an entry of another stream that has the same ID is another entry",
        again=["moved"])
def _(b):
    id = admitted(b)
    b.client.xadd(b.requests("high"), {"request_id": "r1", "payload": "{}"}, id)
    assert b.read("w2", "high") == [id]
    b.lead()
    answer = yield b.fail(id, queue="high", owner="w2")
    assert answer == ["ended"] and b.state()["state"] == "running"


@branch("fail", "what a living worker runs goes back to it from who died with it", again=["moved"])
def _(b):
    id = calling(b)
    b.live("w1")
    b.client.xclaim(b.requests("normal"), "workers", "w2", 0, [id])
    b.lead()
    answer = yield b.fail(id, owner="w2")
    assert answer == ["moved"] and b.pending() == {id: "w1"}
    assert b.state()["state"] == "running"


@branch("fail", "an entry whose content is gone can be failed", again=["moved"])
def _(b):
    id = admitted(b)
    b.client.xdel(b.requests("normal"), id)
    b.lead()
    answer = yield b.fail(id)
    assert answer[0] == "failed" and b.state()["state"] == "ended"


@branch("fail", "an entry that is another's has moved")
def _(b):
    id = admitted(b)
    b.lead()
    answer = yield b.fail(id, owner="w2")
    assert answer == ["moved"]


@branch("fail", "a record of another user than was looked up is looked up again")
def _(b):
    id = admitted(b)
    b.lead()
    answer = yield b.fail(id, user="u2")
    assert answer == ["moved"]


@branch("fail", "a living worker's request is its own")
def _(b):
    id = admitted(b)
    b.live()
    b.lead()
    answer = yield b.fail(id)
    assert answer == ["alive"]


@branch("fail", "what need not be a dead owner's is taken from a living one", again=["moved"])
def _(b):
    id = admitted(b)
    b.live()
    b.lead()
    answer = yield b.fail(id, only_dead=False)
    assert answer[0] == "failed"


@branch("fail", "who has slept through its lease writes nothing")
def _(b):
    id = admitted(b)
    b.lead("2")
    answer = yield b.fail(id)
    assert answer == ["fenced"]


# expire


@branch("expire", "a request that nobody has read is answered, and its entry left", again="known")
def _(b):
    b.add()
    b.lead()
    answer = yield b.expire(trace="tp")
    assert answer == "expired"
    [event] = b.events()
    assert event["event"] == "rejected" and event["traceparent"] == "tp"
    assert b.client.xlen(b.requests("normal")) == 1
    assert b.state()["state"] == "ended" and b.state()["code"] == "deadline_passed"
    assert b.counters() == {"refused": 1}
    [row] = b.ledger()
    assert row["terminal"] == "1" and row["cost_nanousd"] == "0"
    assert 0 < b.client.pttl(b.reply("r1")) <= REPLY_TTL


@branch("expire", "a request that is in the books is known", again="known")
def _(b):
    admitted(b)
    b.lead()
    answer = yield b.expire()
    assert answer == "known" and b.events() == []


@branch("expire", "a reply's key that is no stream is told", again="unwritable")
def _(b):
    b.client.set(b.reply("r1"), "x")
    b.lead()
    answer = yield b.expire()
    assert answer == "unwritable" and not b.state()


@branch("expire", "who has slept through its lease writes nothing", again="fenced")
def _(b):
    b.lead("2")
    answer = yield b.expire()
    assert answer == "fenced" and not b.state()


@branch("expire", "one that is turned away goes with its entry", again="known")
def _(b):
    id = b.add()
    kept = b.add("r2")
    b.lead()
    answer = yield b.expire(code="overloaded", deleting=id)
    assert answer == "expired" and b.state()["code"] == "overloaded"
    assert [entry for entry, _ in b.client.xrange(b.requests("normal"))] == [kept]
    assert b.counters() == {"refused": 1, "overloaded:normal": 1}


@branch("expire", "an entry that a worker has is not turned away", again="read")
def _(b):
    id = b.delivered()
    b.lead()
    answer = yield b.expire(code="overloaded", deleting=id)
    assert answer == "read" and b.events() == [] and b.pending() == {id: "w1"}


@branch("expire", "nor is one that is gone", again="read")
def _(b):
    b.lead()
    answer = yield b.expire(code="overloaded", deleting="1-1")
    assert answer == "read" and b.events() == []


@branch("expire", "what a dead worker has is acknowledged, and goes", again="known")
def _(b):
    id = b.delivered()
    kept = b.add("r2")
    b.lead()
    answer = yield b.expire(code="unauthorized", deleting=id, owner="w1")
    assert answer == "expired" and b.state()["code"] == "unauthorized" and b.pending() == {}
    assert [entry for entry, _ in b.client.xrange(b.requests("normal"))] == [kept]
    assert b.counters() == {"refused": 1, "finished:normal": 1}


@branch("expire", "what a worker has that lives is left to it", again="read")
def _(b):
    id = b.delivered()
    b.client.set(b.key("worker:w1"), "1")
    b.lead()
    answer = yield b.expire(code="unauthorized", deleting=id, owner="w1")
    assert answer == "read" and b.events() == [] and b.pending() == {id: "w1"}


@branch("expire", "so is what another has taken since", again="read")
def _(b):
    id = b.delivered()
    b.lead()
    answer = yield b.expire(code="unauthorized", deleting=id, owner="w2")
    assert answer == "read" and b.events() == [] and b.pending() == {id: "w1"}


# control


def asks(b, command, by="ann"):
    return b.client.xadd(b.key("control"), {"command": command, "by": by})


@branch("control", "nothing was asked: how it stands")
def _(b):
    b.lead()
    answer = yield b.control()
    assert answer == ["", "", []]


@branch("control", "what was asked is done in its order, and gone", again=None)
def _(b):
    b.lead()
    ids = [asks(b, word, by) for word, by in (
        ("pause", "ann"), ("pause", "bob"), ("x" * 99, "y" * 200), ("resume", "bob"),
        ("resume", "ann"), ("pause", "eve"))]
    answer = yield b.control()
    assert answer == ["eve", str(b.now), [
        [ids[0], "pause", "ann", "done"], [ids[1], "pause", "bob", "already"],
        [ids[2], "x" * 64, "y" * 128, "unknown"], [ids[3], "resume", "bob", "done"],
        [ids[4], "resume", "ann", "already"], [ids[5], "pause", "eve", "done"]]], answer
    assert b.client.hgetall(b.key("paused")) == {"by": "eve", "at": str(b.now)}
    assert b.client.xlen(b.key("control")) == 0
    assert b.client.xinfo_groups(b.key("control"))[0]["pending"] == 0
    assert b.run(b.control()) == ["eve", str(b.now), []]


@branch("control", "who has slept through its lease obeys nobody")
def _(b):
    b.lead("2")
    asks(b, "pause")
    answer = yield b.control()
    assert answer == ["fenced"] and b.client.xlen(b.key("control")) == 1


# load


@branch("load", "the load is told, for a while")
def _(b):
    b.lead()
    answer = yield b.tell()
    assert answer == "told"
    assert b.client.hgetall(b.key("load")) == {
        "waiting": "7", "oldest_ms": "20", "estimated_wait_ms": "3000", "accepting": "1",
        "outbox_full": "0"}
    assert 0 < b.client.pttl(b.key("load")) <= 5000


@branch("load", "who has slept through its lease tells nothing")
def _(b):
    b.lead("2")
    answer = yield b.tell()
    assert answer == "fenced" and not b.client.exists(b.key("load"))


# lease


@branch("lease", "who comes first has it, with a token")
def _(b):
    answer = yield b.lease()
    assert answer == 1
    assert b.client.hgetall(b.key("lease")) == {"holder": "s1", "token": "1"}
    assert 0 < b.client.pttl(b.key("lease")) <= 60_000


@branch("lease", "who has it renews it")
def _(b):
    b.run(b.lease(lasts=1000))
    answer = yield b.lease()
    assert answer == 1 and b.client.pttl(b.key("lease")) > 30_000


@branch("lease", "another waits")
def _(b):
    b.run(b.lease("s0"))
    answer = yield b.lease()
    assert answer == 0 and b.client.hget(b.key("lease"), "holder") == "s0"


@branch("lease", "each new holder has a higher token")
def _(b):
    b.run(b.lease("s0"))
    b.client.delete(b.key("lease"))
    answer = yield b.lease()
    assert answer == 2


# reap


@branch("reap", "a consumer that is gone and has nothing pending is removed")
def _(b):
    id = admitted(b)
    b.run(b.commit(id))
    b.client.set(b.key("alone:w1"), id, ex=86_400)
    b.lead()
    answer = yield b.reap()
    assert answer == 4 and not b.client.exists(b.key("alone:w1"))
    assert b.client.xinfo_consumers(b.requests("normal"), "workers") == []
    counted = b.client.hgetall(b.key("counters"))
    assert counted["workers_gone"] == "1"
    assert counted["workers_gone_ms"] == str(b.now)


@branch("reap", "a consumer with something pending stays where it has that")
def _(b):
    b.delivered()
    b.delivered("r2", queue="high")
    assert b.client.xack(b.requests("high"), "workers", *b.pending("high")) == 1
    b.client.set(b.key("alone:w1"), next(iter(b.pending())), ex=86_400)
    b.lead()
    answer = yield b.reap()
    assert answer == 3 and len(b.pending()) == 1 and b.client.exists(b.key("alone:w1"))
    assert not b.client.hexists(b.key("counters"), "workers_gone")
    assert b.client.xinfo_consumers(b.requests("high"), "workers") == []


@branch("reap", "a living consumer stays")
def _(b):
    b.delivered()
    b.live()
    b.lead()
    answer = yield b.reap()
    assert answer == 0


@branch("reap", "where a group is missing there is nothing to remove")
def _(b):
    b.client.xgroup_destroy(b.requests("low"), "workers")
    b.client.delete(b.requests("high"))
    b.lead()
    answer = yield b.reap()
    assert answer == 2


@branch("reap", "who has slept through its lease removes nothing")
def _(b):
    b.lead("2")
    answer = yield b.reap()
    assert answer == -1


# reserve_global


@branch("reserve_global", "a call takes its turn and its share")
def _(b):
    answer = yield b.reserve(pace=5)
    assert answer == ["granted", "1000"]
    assert b.fleet_cost() == (0, 1000)
    assert b.client.hgetall(b.fleet + "reservations") == {"0:r1:1:1": f"1000:{b.now + 30_000}"}
    second = b.now // 1000
    assert b.client.hgetall(b.fleet + "pace") == {
        str(second): "1", "from": str(second), "last": str(second), "total": "1", "start": "250000",
        "clock:normal": "250000", "waits:normal": "0", "even": "0.000"}
    assert 0 < b.client.pttl(b.fleet + "pace") <= 120_000
    assert b.client.hget(b.fleet + "cost", "limit_nanousd") == "10000"


@branch("reserve_global", "with no limit nothing is kept")
def _(b):
    answer = yield b.reserve(limit="")
    assert answer == ["granted", "1000"] and b.client.keys(b.fleet + "*") == []


@branch("reserve_global", "what has been spent leaves less: it gets what is left")
def _(b):
    b.run(b.reserve("0:r0:1:1", most=9500))
    b.run(b.settle("0:r0:1:1", 9500))
    answer = yield b.reserve()
    assert answer == ["granted", "500"] and b.fleet_cost() == (9500, 500)


@branch("reserve_global", "what others reserve keeps it out: it waits")
def _(b):
    b.run(b.reserve("0:r0:1:1", most=9500))
    answer = yield b.reserve()
    assert answer == ["wait", "250"] and b.fleet_cost() == (0, 9500)


@branch("reserve_global", "the hour is spent: refused until enough of it leaves")
def _(b):
    for index in range(4):
        b.run(b.reserve(f"0:r{index}:1:1", most=2499, now=b.now + index * 1000))
        b.run(b.settle(f"0:r{index}:1:1", 2499, now=b.now + index * 1000))
    answer = yield b.reserve("0:r9:1:1", least=2500, most=2600, now=b.now + 5000)
    first = b.now // 1000
    assert answer == ["refused", "4", str((first + 1 + 3600) * 1000 - b.now - 5000)], answer


@branch("reserve_global", "one call may cost more than the hour: refused for ever")
def _(b):
    answer = yield b.reserve(least=10_001, most=10_002)
    assert answer == ["refused", "10000", "-1"]


@branch("reserve_global", "the minute is full: the next turn is when its first second leaves")
def _(b):
    for index in range(2):
        b.run(b.reserve(f"0:r{index}:1:1", most=100, pace=2, now=b.now + index * 1500))
    answer = yield b.reserve("0:r9:1:1", pace=2, now=b.now + 2000)
    first = b.now // 1000
    assert answer == ["pace", str((first + 61) * 1000 - b.now - 2000)], answer
    assert b.fleet_cost() == (0, 200)


@branch("reserve_global", "who was told to come again goes before a less urgent one")
def _(b):
    for index in range(2):
        b.run(b.reserve(f"0:r{index}:1:1", most=1, pace=2, now=b.now))
    due = 61_000 - b.now % 1000
    assert b.run(b.reserve("0:r3:1:1", pace=2, now=b.now)) == ["pace", str(due)]
    answer = yield b.reserve("0:r4:1:1", pace=2, priority="low", now=b.now + due)
    assert answer == ["pace", "50"], answer
    assert b.run(b.reserve("0:r3:1:1", most=1, pace=2, now=b.now + due))[0] == "granted"
    assert b.run(b.reserve("0:r4:1:1", most=1, pace=2, priority="low", now=b.now + due))[0] == "granted"


@branch("reserve_global", "who does not come is waited for no longer")
def _(b):
    b.run(b.reserve("0:r0:1:1", most=1, pace=1, now=b.now))
    due = 61_000 - b.now % 1000
    assert b.run(b.reserve("0:r1:1:1", pace=1, now=b.now)) == ["pace", str(due)]
    late = b.now + due + 250
    assert b.run(b.reserve("0:r2:1:1", most=1, pace=1, priority="low", now=late - 1)) == ["pace", "1"]
    answer = yield b.reserve("0:r2:1:1", most=1, pace=1, priority="low", now=late)
    assert answer == ["granted", "1"], answer


@branch("reserve_global", "low has its turns evenly, so that others find one soon")
def _(b):
    first = b.run(b.reserve("0:r0:1:1", most=1, pace=50, priority="low"))
    assert first == ["granted", "1"]
    answer = yield b.reserve("0:r1:1:1", pace=50, priority="low")
    assert answer == ["pace", "220"], answer
    assert b.run(b.reserve("0:r2:1:1", most=1, pace=50)) == ["granted", "1"]
    later = b.now + 220
    assert b.run(b.reserve("0:r1:1:1", most=1, pace=50, priority="low", now=later))[0] == "granted"


@branch("reserve_global", "no calls are allowed at all: there is never a turn")
def _(b):
    answer = yield b.reserve(pace=0)
    assert answer == ["pace", "-1"]


@branch("reserve_global", "more seconds have left than one call counts off: it waits, and they go",
        again=None)
def _(b):
    second = b.now // 1000
    spend = {str(second - 3900 + index): 40 for index in range(250)}
    b.client.hset(b.fleet + "spend", mapping={
        **spend, "from": second - 3900, "last": second - 3600 + 10, str(second - 3590): 1})
    b.client.hset(b.fleet + "cost", "settled_nanousd", 10_001)
    answer = yield b.reserve(least=9000, most=9000, limit=10_001)
    assert answer == ["wait", "1"], answer
    assert b.run(b.reserve(least=9000, most=9000, limit=10_001))[0] == "wait"
    assert b.run(b.reserve(least=9000, most=9000, limit=10_001)) == ["granted", "9000"]
    assert b.fleet_cost() == (1, 9000)


@branch("reserve_global", "what is an hour old has left", again=SAME)
def _(b):
    b.run(b.reserve("0:r0:1:1", most=9500))
    b.run(b.settle("0:r0:1:1", 9500))
    answer = yield b.reserve(now=b.now + HOUR + 2000)
    assert answer == ["granted", "1000"] and b.fleet_cost() == (0, 1000)


# settle_global


@branch("settle_global", "what a call cost stands in place of its reservation", again="already")
def _(b):
    b.run(b.reserve())
    answer = yield b.settle(cost=400)
    assert answer == "settled" and b.fleet_cost() == (400, 0)
    second = str(b.now // 1000)
    assert b.client.hgetall(b.fleet + "spend") == {second: "400", "from": second, "last": second}
    assert 0 < b.client.pttl(b.fleet + "spend") <= 2 * HOUR


@branch("settle_global", "a call that cost nothing leaves nothing", again="already")
def _(b):
    b.run(b.reserve())
    answer = yield b.settle(cost=0)
    assert answer == "settled" and b.fleet_cost() == (0, 0)
    assert not b.client.exists(b.fleet + "spend")


@branch("settle_global", "who comes second adds nothing", again="already")
def _(b):
    b.run(b.reserve())
    b.run(b.settle(cost=400))
    answer = yield b.settle(cost=500)
    assert answer == "already" and b.fleet_cost() == (400, 0)


# take


@branch("take", "the most urgent come first, no more than there is room for", again=None)
def _(b):
    low = b.add("r3", "low")
    normal = [b.add(f"r{index}") for index in range(3)]
    retry = b.add("r4", "retry")
    answer = yield b.take(count=3)
    found = [(stream, id) for stream, entries in answer for id, _ in entries]
    assert found == [(b.requests("retry"), retry), (b.requests("normal"), normal[0]),
                     (b.requests("normal"), normal[1])], answer
    assert low not in b.pending("low")


@branch("take", "each has its share, and what one leaves the others have", again=None)
def _(b):
    for queue in ("high", "normal", "low"):
        for index in range(10):
            b.add(f"{queue}{index}", queue)
    answer = yield b.take(count=8, shares=[8, 4, 2, 1])
    taken = {queue: len(b.pending(queue)) for queue in ("high", "normal", "low")}
    # Of eight, one is nobody's share: it is the first one's who has more.
    assert taken == {"high": 5, "normal": 2, "low": 1}, answer


@branch("take", "nothing is there")
def _(b):
    answer = yield b.take()
    assert answer == []


@branch("take", "while there are marks of what was taken back, the reader is told to look", again=None)
def _(b):
    b.lead()
    ids = [b.add("r1"), b.add("r2")]
    first = b.run(b.take(count=1))
    assert [entry for entry, _ in first[0][1]] == ids[:1] and len(first) == 1, first
    assert b.run(b.cancel("r2")) == ["remembered"]
    answer = yield b.take(count=1)
    assert [entry for entry, _ in answer[0][1]] == ids[1:], answer
    assert answer[1:] == [["taken back"]], answer
    assert b.run(b.take()) == []


@branch("take", "what was read before a broken stream is not lost", again=None)
def _(b):
    id = b.add("r1", "high")
    b.client.xgroup_destroy(b.requests("low"), "workers")
    answer = yield b.take()
    assert [id for _, entries in answer for id, _ in entries] == [id]


# weigh


@branch("weigh", "what is too large is found, with its weight and its name")
def _(b):
    heavy = b.delivered("r1", payload2="x" * 100)
    b.delivered("r2")
    b.delivered("r3", consumer="w2", payload2="x" * 100)
    answer = yield b.weigh()
    assert answer == [[heavy, len("request_idr1payload{}payload2") + 100, "r1"]], answer


@branch("weigh", "an entry without a name, and one whose content is gone")
def _(b):
    heavy = b.client.xadd(b.requests("normal"), {"request_id": "x" * 129})
    gone = b.client.xadd(b.requests("normal"), {"request_id": "x" * 129})
    b.read()
    b.client.xdel(b.requests("normal"), gone)
    answer = yield b.weigh()
    assert answer == [[heavy, 139, ""]], answer


# find


@branch("find", "all are answered, without what was not asked for")
def _(b):
    first, second = b.add("r1", secret="s"), b.add("r2")
    answer = yield b.find()
    assert [row[0] for row in answer[2]] == [first, second] and answer[:2] == [2, second], answer
    assert [row[2] for row in answer[2]] == [["request_id", "r1"], ["request_id", "r2"]], answer
    assert answer[2][0][1] - answer[2][1][1] == len("secrets"), answer


@branch("find", "the newest first, from an ID on, those that match, and long values cut")
def _(b):
    first = b.add("r1", note="x" * 5000)
    b.add("r2")
    last = b.add("r1")
    answer = yield b.find(
        start=f"({last}", newest=True, field="request_id", value="r1", names=("note",))
    assert answer[:2] == [2, first], answer
    assert [(row[0], row[2]) for row in answer[2]] == [(first, ["note", "x" * 4096])], answer


@branch("find", "nothing is there")
def _(b):
    answer = yield b.find()
    assert answer == [0, "", []], answer
