"""What scripts count for operators: endings, costs, times to an answer, and who gave it."""
from harness.branches import admitted, branch, calling

ANSWER = '{"request_id":"r1","decision":"trade","verdict":"pass","source":"%s","degraded":%s}'


def admitted_at(b, ms, **others):
    """One that runs, whose entry was added then: its ID."""
    id = b.client.xadd(b.requests("normal"), {"request_id": "r1", "payload": "{}"}, id=f"{ms}-1")
    assert id in b.read()
    answer = b.run(b.admit(id, **others))
    assert answer[0] == "granted", answer
    return id


@branch("commit", "an answer is counted, with its cost, its source and its time by bucket", again="already")
def _(b):
    id = admitted_at(b, b.now - 1_480)
    yield b.commit(id, cost=18_350_000, payload=ANSWER % ("model", "null"))
    assert b.counted() == {
        "ends:result:": 1, "cost:user": 18_350_000, "source:model": 1,
        "time:normal:7": 1, "time:normal:ms": 1_480}, b.counted()


@branch("commit", "a time on the edge of a bucket is in it; a degraded answer says why", again="already")
def _(b):
    id = admitted_at(b, b.now - 2_000)
    yield b.commit(id, payload=ANSWER % ("rule_based", '"deadline"'))
    assert b.counted() == {
        "ends:result:": 1, "source:rule_based": 1, "degraded:deadline": 1,
        "time:normal:8": 1, "time:normal:ms": 2_000}, b.counted()


@branch("commit", "a clock that went back counts as no time at all", again="already")
def _(b):
    id = admitted_at(b, b.now + 5)
    yield b.commit(id, payload=ANSWER % ("cache", "null"))
    assert b.counted()["time:normal:1"] == 1 and b.counted()["time:normal:ms"] == 0, b.counted()


@branch("commit", "what is longer than every edge is in the last bucket", again="already")
def _(b):
    id = admitted_at(b, b.now - 3_600_001)
    yield b.commit(id)
    assert b.counted()["time:normal:17"] == 1, b.counted()


@branch("commit", "what users write in an answer's text is not taken for its source", again="already")
def _(b):
    id = admitted(b)
    yield b.commit(id, payload=r'{"summary":"\"source\":\"model\"","degraded":null}')
    assert not any(name.startswith("source:") for name in b.counted()), b.counted()


@branch("commit", "a refusal is counted by its code, and has no time to an answer", again="already")
def _(b):
    id = b.delivered()
    yield b.commit(id, boot="", event="rejected", code="invalid_request")
    assert b.counted() == {"ends:rejected:invalid_request": 1}, b.counted()


@branch("commit", "a report of usage is counted, is in no book, and has no time to an answer", again="already")
def _(b):
    id = b.delivered()
    yield b.commit(id, boot="", payload='{"user_id":"u1","totals":{}}')
    assert b.counted() == {"ends:result:": 1}, b.counted()
    assert b.client.hget(b.key("counters"), "refused") == "1" and not b.client.exists(b.key("due"))


@branch("commit", "a request that was taken back before it was read counts as cancelled", again="already")
def _(b):
    id = b.delivered()
    b.client.set(b.mark("r1"), '"desk"')
    yield b.commit(id, boot="", event="rejected", code="invalid_request")
    assert b.counted() == {"ends:cancelled:": 1}, b.counted()


@branch("commit", "an answer after a death is timed from its first entry, and the house pays the lost call",
        again="already")
def _(b):
    first = admitted_at(b, b.now - 2_500)
    assert b.run(b.call()) == "marked"
    b.lead()
    b.die()
    answer = b.run(b.requeue(first))
    assert answer[0] == "requeued", answer
    assert b.counted() == {"cost:house": 1000}
    id = answer[1]
    assert id in b.read("w2", "retry")
    granted = b.run(b.admit(id, queue="retry", consumer="w2", boot="b2", attempt=2))
    assert granted[0] == "granted", granted
    yield b.commit(id, queue="retry", boot="b2", attempt=2, cost=700)
    assert b.counted() == {
        "ends:result:": 1, "cost:house": 1000, "cost:user": 700,
        "time:retry:9": 1, "time:retry:ms": 2_500}, b.counted()


@branch("admit", "a dead process' call is counted as the house's cost", again=None)
def _(b):
    id = calling(b, most=800)
    b.client.xclaim(b.requests("normal"), "workers", "w2", 0, [id])
    yield b.admit(id, consumer="w2", boot="b2", owner="w1")
    assert b.counted() == {"cost:house": 800}, b.counted()


@branch("fail", "a failure is counted by its code, its call as the house's cost", again=None)
def _(b):
    id = calling(b, most=900)
    b.lead()
    b.die()
    yield b.fail(id, code="poison")
    assert b.counted() == {"ends:failed:poison": 1, "cost:house": 900}, b.counted()


@branch("expire", "what nobody had read is counted by its code", again="known")
def _(b):
    b.add()
    b.lead()
    yield b.expire(code="overloaded")
    assert b.counted() == {"ends:rejected:overloaded": 1}, b.counted()


@branch("cancel", "what is taken back is counted, and paid by its user", again=None)
def _(b):
    id = calling(b, most=600)
    b.lead()
    yield b.cancel(entry=id, attempt="1", owner="w1")
    assert b.counted() == {"ends:cancelled:": 1, "cost:user": 600}, b.counted()


@branch("requeue", "a released call is the house's cost", again=None)
def _(b):
    id = calling(b, most=500)
    yield b.requeue(id, why="release")
    assert b.counted() == {"cost:house": 500}, b.counted()
