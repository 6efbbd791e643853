"""The branches of batches: expansion, members' ends, completion."""
from harness.books import DAY, REPLY_TTL
from harness.branches import admitted, branch

BURST = ("0 2 b1", "1 2 b1")
ENVELOPE = ("0 2 b1 e1", "1 2 b1 e1")


def batch(b):
    return b.client.hgetall(b.key("batch:b1"))


def told(b, id="b1"):
    """What the batch's stream says: (event, request_id, payload)."""
    return [(f["event"], f["request_id"], f["payload"])
            for _, f in b.client.xrange(b.key(f"batch-reply:{id}"))]


def totals(done=0, rejected=0, failed=0, cancelled=0, missing=0, cost="0", size=2):
    return (f'{{"batch_id":"b1","size":{size},"done":{done},"rejected":{rejected},'
            f'"failed":{failed},"cancelled":{cancelled},"missing":{missing},"cost_usd":{cost}}}')


def envelope(b, consumer="w1"):
    """An envelope that is admitted and runs: its entry's ID."""
    id = b.delivered("e1", consumer)
    answer = b.run(b.admit(id, "e1", consumer=consumer, envelope=True, limits_cost=False))
    assert answer[0] == "granted", answer
    return id


def expanded(b):
    """An envelope whose two members stand in `low`: their entries' IDs, read."""
    assert b.run(b.expand(envelope(b))) == ["at", 2]
    return b.read(queue="low")


def member(b, request, place, **others):
    """One that is admitted and runs."""
    id = b.delivered(request)
    answer = b.run(b.admit(id, request, place=place, **others))
    assert answer[0] == "granted", answer
    return id


def adds_up(b):
    counters = b.counters()
    open_requests = b.client.zcard(b.key("due"))
    assert counters.get("admitted", 0) == counters.get("ended", 0) + open_requests, counters


@branch("admit", "an envelope takes no place in its user's hour, and reserves nothing")
def _(b):
    id = b.delivered("e1")
    answer = yield b.admit(id, "e1", envelope=True, limits_cost=False)
    assert answer[0] == "granted", answer
    assert b.client.zcard(b.user("u1", "requests")) == 0 and b.cost() == (0, 0)
    assert b.client.zcard(b.key("due")) == 1
    adds_up(b)


@branch("admit", "the first member of a burst makes its batch")
def _(b):
    id = b.delivered("m0")
    answer = yield b.admit(id, "m0", place=BURST[0])
    assert answer[0] == "granted"
    assert b.state("m0")["batch"] == BURST[0]
    assert batch(b) == {"size": "2", "deadline": str(b.now + 3_600_000),
                        "reply_ttl_ms": str(REPLY_TTL)}, batch(b)
    assert b.client.smembers(b.key("batch-open:b1")) == {"m0"}
    assert b.client.zrange(b.key("batches"), 0, -1, withscores=True) == [("b1", b.now + 3_600_000)]
    assert b.client.pexpiretime(b.key("batch:b1")) == b.now + 3_600_000 + DAY
    assert told(b) == []


@branch("admit", "one that says another size than its batch has is none of it")
def _(b):
    member(b, "m0", BURST[0])
    id = b.delivered("m1")
    answer = yield b.admit(id, "m1", place="1 3 b1")
    assert answer[0] == "granted" and b.client.smembers(b.key("batch-open:b1")) == {"m0"}


@branch("admit", "one that says it has an envelope which its batch has not is none of it")
def _(b):
    member(b, "m0", BURST[0])
    id = b.delivered("m1")
    answer = yield b.admit(id, "m1", place=ENVELOPE[1])
    assert answer[0] == "granted" and b.client.smembers(b.key("batch-open:b1")) == {"m0"}


@branch("admit", "another entry of a request that is outside the batch is rejected in it",
        again=["lost"])
def _(b):
    admitted(b, "r1")
    member(b, "m0", BURST[0])
    id = b.delivered("r1")
    answer = yield b.admit(id, "r1", place=BURST[1])
    assert answer == ["duplicate"]
    assert told(b) == [("member", "r1",
                        '{"index":1,"event":"rejected","code":"request_id_conflict"}')], told(b)
    assert batch(b)["rejected"] == "1"


@branch("admit", "a member whose id is another user's is rejected in its batch")
def _(b):
    admitted(b, "r1", user="u2")
    member(b, "m0", BURST[0])
    id = b.delivered("r1")
    answer = yield b.admit(id, "r1", place=BURST[1])
    assert answer == ["conflict"] and batch(b)["rejected"] == "1"


@branch("admit", "the same entry of a member again is counted once", again=["lost"])
def _(b):
    member(b, "m0", BURST[0])
    id = b.delivered("m0")
    answer = yield b.admit(id, "m0", place=BURST[0])
    assert answer == ["duplicate"] and told(b) == [] and "rejected" not in batch(b)


@branch("admit", "an envelope that comes again while its members run adds nothing", again=["lost"])
def _(b):
    expanded(b)
    id = b.delivered("e1")
    answer = yield b.admit(id, "e1", envelope=True, limits_cost=False)
    assert answer == ["duplicate"] and b.state("e1")["state"] == "expanded"


@branch("expand_batch", "the members are added in order, and the envelope's entry goes",
        again=["already"])
def _(b):
    id = envelope(b)
    answer = yield b.expand(id, extra=("all", "trace", "state"))
    assert answer == ["at", 2]
    entries = [fields for _, fields in b.client.xrange(b.requests("low"))]
    assert entries[1] == {
        "request_id": "m1", "payload": "{}", "batch_id": "b1", "batch_index": "1",
        "batch_size": "2", "batch_envelope": "e1", "deadline_ms": "5000", "events": "all",
        "traceparent": "trace", "tracestate": "state"}, entries[1]
    assert len(entries) == 2 and b.pending() == {} and b.client.xlen(b.requests("normal")) == 0
    state = b.state("e1")
    assert state["state"] == "expanded" and "owner" not in state and "boot" not in state
    assert batch(b) == {"size": "2", "envelope": "e1", "cursor": "2",
                        "deadline": str(b.now + 30_000), "reply_ttl_ms": str(REPLY_TTL),
                        "remembered_ms": str(DAY)}, batch(b)
    assert b.counters()["finished:normal"] == 1
    adds_up(b)


@branch("expand_batch", "a member has its claims with it, sealed", again=["already"])
def _(b):
    yield b.expand(envelope(b), seal="basic.00ff")
    sealed = [fields["sealed"] for _, fields in b.client.xrange(b.requests("low"))]
    assert sealed == ["basic.00ff", "basic.00ff"], sealed


@branch("expand_batch", "a part leaves the envelope where it is; whoever goes on is told where",
        again=["at", 1])
def _(b):
    id = envelope(b)
    answer = yield b.expand(id, members=("m0",))
    assert answer == ["at", 1]
    assert id in b.pending() and b.state("e1")["state"] == "running"
    assert b.client.xlen(b.requests("low")) == 1
    assert b.run(b.expand(id, members=("m1",), first=1)) == ["at", 2]
    assert b.client.xlen(b.requests("low")) == 2


@branch("expand_batch", "after its worker's death the next attempt goes on where it was",
        again=["already"])
def _(b):
    id = envelope(b)
    assert b.run(b.expand(id, members=("m0",))) == ["at", 1]
    b.lead()
    new = b.run(b.requeue(id, "e1"))[1]
    assert b.read("w2", "retry") == [new]
    answer = b.run(b.admit(new, "e1", "retry", "w2", "b2", envelope=True, limits_cost=False,
                           attempt=2))
    assert answer[:2] == ["granted", 2], answer
    assert b.run(b.expand(id, members=("m1",), first=1)) == ["lost"], "the first is too late"
    answer = yield b.expand(new, members=("m1",), first=1, queue="retry", boot="b2", attempt=2)
    assert answer == ["at", 2] and b.client.xlen(b.requests("low")) == 2


@branch("expand_batch", "an envelope that has ended is only acknowledged")
def _(b):
    id = envelope(b)
    b.lead()
    assert b.run(b.cancel("e1", entry=id, attempt="1", owner="w1"))[0] == "cancelled"
    answer = yield b.expand(id)
    assert answer == ["already"] and b.client.xlen(b.requests("low")) == 0


@branch("expand_batch", "an id that another batch has is taken")
def _(b):
    member(b, "m0", BURST[0])
    id = envelope(b)
    answer = yield b.expand(id)
    assert answer == ["taken"] and b.client.xlen(b.requests("low")) == 0 and id in b.pending()


@branch("expand_batch", "one that is taken back asks for its members' keys")
def _(b):
    id = envelope(b)
    b.lead()
    assert b.run(b.cancel_batch()) == []
    answer = yield b.expand(id)
    assert answer == ["cancelled", 0] and b.client.xlen(b.requests("low")) == 0


@branch("expand_batch", "members of one that is taken back end without being added",
        again=["already"])
def _(b):
    id = envelope(b)
    b.lead()
    assert b.run(b.cancel_batch()) == []
    answer = yield b.expand(id, taken_back=True)
    assert answer == ["at", 2] and b.client.xlen(b.requests("low")) == 0
    for request in ("m0", "m1"):
        assert [e["payload"] for e in b.events(request)] == ['{"by":"desk","cost_usd":0}']
        assert b.state(request)["code"] == "cancelled"
    whole = totals(cancelled=2)
    assert told(b) == [("member", "m0", '{"index":0,"event":"cancelled"}'),
                       ("member", "m1", '{"index":1,"event":"cancelled"}'),
                       ("batch_complete", "e1", whole)], told(b)
    assert [e["payload"] for e in b.events("e1")] == [whole]
    assert b.state("e1")["state"] == "ended" and b.pending() == {}
    assert [row["event"] for row in b.ledger()] == ["cancelled", "cancelled", "batch_complete"]
    adds_up(b)


@branch("expand_batch", "a member of one taken back whose id is another's is rejected in it",
        again=["already"])
def _(b):
    admitted(b, "m0")
    id = envelope(b)
    b.lead()
    assert b.run(b.cancel_batch()) == []
    answer = yield b.expand(id, taken_back=True)
    assert answer == ["at", 2]
    assert told(b)[-1][2] == totals(rejected=1, cancelled=1), told(b)
    assert b.state("m0")["state"] == "running" and b.events("m0") == []


@branch("commit", "a member that ends is told on its batch's stream, and counted", again="already")
def _(b):
    id = member(b, "m0", BURST[0])
    answer = yield b.commit(id, "m0", cost=700, place=BURST[0])
    assert answer == "committed"
    assert told(b) == [("member", "m0", '{"index":0,"event":"result"}')]
    assert batch(b)["done"] == "1" and batch(b)["cost_nanousd"] == "700"
    assert b.client.scard(b.key("batch-open:b1")) == 0
    assert b.client.pexpiretime(b.key("batch-reply:b1")) > b.now


@branch("commit", "a member that was refused unadmitted makes its batch, and is counted",
        again="already")
def _(b):
    id = b.delivered("m0")
    answer = yield b.commit(id, "m0", event="rejected", code="invalid_request", boot="",
                            place=BURST[0])
    assert answer == "committed"
    assert told(b) == [("member", "m0",
                        '{"index":0,"event":"rejected","code":"invalid_request"}')]
    assert batch(b)["rejected"] == "1" and b.client.zcard(b.key("batches")) == 1


@branch("commit", "the last member of a burst completes it", again="already")
def _(b):
    first = member(b, "m0", BURST[0])
    assert b.run(b.commit(first, "m0", cost=10**9, place=BURST[0])) == "committed"
    id = member(b, "m1", BURST[1], tiers=(("free", 9, 10**10),))
    answer = yield b.commit(id, "m1", cost=20_000_000, place=BURST[1])
    assert answer == "committed"
    assert told(b)[-1] == ("batch_complete", "b1", totals(done=2, cost="1.02")), told(b)
    for name in ("batch:b1", "batch-ended:b1", "batch-reply:b1"):
        assert 0 < b.client.pttl(b.key(name)) <= REPLY_TTL, name
    assert b.client.zcard(b.key("batches")) == 0
    adds_up(b)


@branch("commit", "the last member of an envelope's completes it on both streams", again="already")
def _(b):
    ids = expanded(b)
    for index, id in enumerate(ids):
        answer = b.run(b.admit(id, f"m{index}", "low", hash=f"h{index}", place=ENVELOPE[index]))
        assert answer[0] == "granted", answer
    assert b.run(b.commit(ids[1], "m1", "low", "failed", code="deadline", hash="h1",
                          place=ENVELOPE[1])) == "committed"
    answer = yield b.commit(ids[0], "m0", "low", cost=3, hash="h0", place=ENVELOPE[0])
    assert answer == "committed"
    whole = totals(done=1, failed=1, cost="0.000000003")
    assert told(b)[-1] == ("batch_complete", "e1", whole)
    assert [(e["event"], e["payload"]) for e in b.events("e1")] == [("batch_complete", whole)]
    state = b.state("e1")
    assert state == {"state": "ended", "user": "u1", "hash": "h1", "attempt": "1", "cost": "3",
                     "code": "batch_complete"}, state
    assert b.client.zcard(b.key("due")) == 0
    assert [r["event"] for r in b.ledger() if r["request_id"] == "e1"] == ["batch_complete"]
    adds_up(b)


@branch("commit", "a number that ended already is not counted again", again="already")
def _(b):
    first = member(b, "m0", BURST[0])
    assert b.run(b.commit(first, "m0", place=BURST[0])) == "committed"
    id = member(b, "m9", BURST[0])
    answer = yield b.commit(id, "m9", place=BURST[0])
    assert answer == "committed" and batch(b)["done"] == "1" and len(told(b)) == 1


@branch("commit", "a batch's stream that is no stream does not keep its members from ending",
        again="already")
def _(b):
    id = member(b, "m0", BURST[0])
    b.client.set(b.key("batch-reply:b1"), "x")
    answer = yield b.commit(id, "m0", place=BURST[0])
    assert answer == "committed" and batch(b)["done"] == "1"


@branch("commit", "a member of another user under an id that is taken is rejected in its batch")
def _(b):
    admitted(b, "r1", user="u2")
    member(b, "m0", BURST[0])
    id = b.delivered("r1")
    answer = yield b.commit(id, "r1", event="rejected", code="invalid_request", boot="",
                            place=BURST[1])
    assert answer == "conflict" and batch(b)["rejected"] == "1"


@branch("fail", "a member that cannot succeed is counted as failed", again=["moved"])
def _(b):
    id = member(b, "m0", BURST[0])
    b.lead()
    answer = yield b.fail(id, "m0", place=BURST[0])
    assert answer[0] == "failed"
    assert told(b) == [("member", "m0",
                        '{"index":0,"event":"failed","code":"attempts_exhausted"}')]


@branch("fail", "a member that was never admitted is counted as failed", again=["moved"])
def _(b):
    id = b.delivered("m0")
    b.lead()
    answer = yield b.fail(id, "m0", place=BURST[0])
    assert answer[0] == "failed" and batch(b)["failed"] == "1"


@branch("abandon", "a member that nobody runs is counted as failed", again=["ended"])
def _(b):
    id = member(b, "m0", BURST[0])
    b.lead()
    b.client.xack(b.requests("normal"), "workers", id)
    answer = yield b.abandon("m0", entry=id, place=BURST[0])
    assert answer[0] == "abandoned" and batch(b)["failed"] == "1"
    adds_up(b)


@branch("abandon", "a record that says another place than was read is looked at again")
def _(b):
    id = member(b, "m0", BURST[0])
    b.lead()
    answer = yield b.abandon("m0", entry=id)
    assert answer == ["moved"]


@branch("expire", "a member that nobody has read is counted as rejected", again="known")
def _(b):
    b.lead()
    b.add("m0")
    answer = yield b.expire("m0", place=BURST[0])
    assert answer == "expired"
    assert told(b) == [("member", "m0",
                        '{"index":0,"event":"rejected","code":"deadline_passed"}')]


@branch("bury", "a member that cannot be answered is counted as failed", again="already")
def _(b):
    member(b, "m0", BURST[0])
    id = b.delivered("m1")
    answer = yield b.bury(id, place=BURST[1], member="m1")
    assert answer == "buried" and batch(b)["failed"] == "1"


@branch("bury", "a member whose id is another request's is counted once", again="already")
def _(b):
    admitted(b, "r1", user="u2")
    member(b, "m0", BURST[0])
    id = b.delivered("r1")
    assert b.run(b.admit(id, "r1", place=BURST[1])) == ["conflict"]
    answer = yield b.bury(id, "r1", place=BURST[1])
    assert answer == "buried" and batch(b)["rejected"] == "1" and "failed" not in batch(b)


@branch("close_batch", "what has not come by the deadline is missing", again=["gone"])
def _(b):
    id = member(b, "m0", BURST[0])
    assert b.run(b.commit(id, "m0", place=BURST[0])) == "committed"
    b.lead()
    answer = yield b.close_batch(now=b.now + 3_600_001)
    assert answer == ["complete", 1]
    assert told(b)[-1] == ("batch_complete", "b1", totals(done=1, missing=1))


@branch("close_batch", "what has come is waited for, and the last of it completes the batch")
def _(b):
    id = member(b, "m0", BURST[0])
    b.lead()
    answer = yield b.close_batch(now=b.now + 3_600_001)
    assert answer == ["closed", 1] and told(b) == []
    assert b.client.zscore(b.key("batches"), "b1") == b.now + 3_600_000 + 60_000
    late = member(b, "m1", BURST[1])
    assert b.run(b.commit(late, "m1", place=BURST[1])) == "committed"
    assert told(b) == [], "too late to be counted"
    assert b.run(b.commit(id, "m0", place=BURST[0])) == "committed"
    assert told(b)[-1] == ("batch_complete", "b1", totals(done=1, missing=1))


@branch("close_batch", "what came and never ended is missing in the end", again=["gone"])
def _(b):
    member(b, "m0", BURST[0])
    b.lead()
    answer = yield b.close_batch(now=b.now + 3_660_001)
    assert answer == ["complete", 2] and told(b)[-1][2] == totals(missing=2)


@branch("close_batch", "an envelope that was never expanded to its end is answered", again=["gone"])
def _(b):
    id = envelope(b)
    assert b.run(b.expand(id, members=("m0",))) == ["at", 1]
    b.lead()
    answer = yield b.close_batch(envelope="e1", now=b.now + 30_001)
    assert answer == ["complete", 2]
    assert [e["event"] for e in b.events("e1")] == ["batch_complete"]
    assert b.run(b.expand(id, members=("m1",), first=1)) == ["already"] and b.pending() == {}
    adds_up(b)


@branch("close_batch", "before its deadline a batch is left alone")
def _(b):
    member(b, "m0", BURST[0])
    b.lead()
    answer = yield b.close_batch()
    assert answer == ["early"]


@branch("close_batch", "a batch that is no more is looked at no more")
def _(b):
    b.client.zadd(b.key("batches"), {"b1": 1, "b2": 2})
    b.lead()
    answer = yield b.close_batch()
    assert answer == ["gone"] and b.client.zrange(b.key("batches"), 0, -1) == ["b2"]


@branch("close_batch", "a batch that has another envelope now is looked at again")
def _(b):
    member(b, "m0", BURST[0])
    b.lead()
    answer = yield b.close_batch(envelope="e1", now=b.now + 3_600_001)
    assert answer == ["moved"]


@branch("close_batch", "who has lost the lease closes nothing")
def _(b):
    b.lead("2")
    answer = yield b.close_batch()
    assert answer == ["fenced"]
