"""Further calls of an attempt: what is set aside for them, and who is charged when it dies then; and the
ways to a model, with what the fleet may do beyond a call a request."""
from harness.branches import admitted, branch, calling
from harness.taking_back import cancelled


def further(b, **others):
    """At its second call, after a first that cost 300."""
    id = calling(b)
    assert b.run(b.call(number=2, most=900, spent=300, **others)) == "marked"
    return id


@branch("call", "a further call sets aside what it may cost beyond what is set aside")
def _(b):
    calling(b)
    answer = yield b.call(number=2, most=900, spent=300)
    assert answer == "marked" and b.cost() == (0, 1200)
    assert (b.state()["reserved"], b.state()["call"]) == ("1200", "2")
    assert (b.state()["calling"], b.state()["spent"]) == ("900", "300")


@branch("call", "a further call within what is set aside sets nothing aside")
def _(b):
    calling(b)
    answer = yield b.call(number=2, most=600, spent=400)
    assert answer == "marked" and b.cost() == (0, 1000)


@branch("call", "a further call that the user's hour does not cover is unaffordable, and nothing changes")
def _(b):
    calling(b)
    left = int(b.client.hget(b.user("u1", "cost"), "limit_nanousd")) - 1000
    before = b.state()
    answer = yield b.call(number=2, most=left + 1, spent=1000)
    assert answer == "unaffordable" and b.state() == before and b.cost() == (0, 1000)


@branch("commit", "all that was set aside for several calls is freed", again="already")
def _(b):
    id = further(b)
    answer = yield b.commit(id, cost=1150)
    assert answer == "committed" and b.cost() == (1150, 0)


@branch("requeue", "an attempt that dies at a further call is charged at all, the fleet's claim at it alone",
        again=["moved"])
def _(b):
    b.lead()
    id = further(b)
    answer = yield b.requeue(id)
    assert answer[0] == "requeued" and [str(part) for part in answer[3:6]] == ["1", "2", "900"], answer
    assert b.ledger()[-1]["cost_nanousd"] == "1200" and b.cost() == (0, 0)
    assert "spent" not in b.state()


@branch("fail", "one that cannot be finished costs the house all its calls", again=["moved"])
def _(b):
    b.lead()
    id = further(b)
    answer = yield b.fail(id)
    assert [str(part) for part in answer] == ["failed", "1", "2", "900"], answer
    assert b.ledger()[-1]["cost_nanousd"] == "1200"


@branch("cancel", "one that is taken back at a further call costs the user all of them", again=["ended"])
def _(b):
    b.lead()
    id = further(b)
    answer = yield cancelled(b, id)
    assert answer[0] == "cancelled" and str(answer[3]) == "900", answer
    assert b.cost() == (1200, 0) and b.ledger()[-1]["cost_nanousd"] == "1200"


def standing(b, answer):
    names = "won state epoch until since trips reason calls failed slow now".split()
    return dict(zip(names, answer))


@branch("breaker", "calls are counted, and a way is closed to none by that", again=None)
def _(b):
    b.run(b.breaker("count", 10, 4, 1))
    answer = standing(b, (yield b.breaker("count", 2, 1, 0)))
    assert (answer["calls"], answer["failed"], answer["slow"]) == ("12", "5", "1"), answer
    assert answer["state"] == "closed" and answer["won"] == 0


@branch("breaker", "what was counted half a minute ago is forgotten", again=None)
def _(b):
    b.run(b.breaker("count", 10, 10, 0))
    answer = standing(b, (yield b.breaker("count", 1, 0, 0, now=b.now + 31_000)))
    assert (answer["calls"], answer["failed"]) == ("1", "0"), answer


@branch("breaker", "who decides on what stands now opens it, for so long and why", again=None)
def _(b):
    b.run(b.breaker("count", 10, 10, 0))
    answer = standing(b, (yield b.breaker("open", 0, 5000, "errors", "open")))
    assert (answer["won"], answer["state"], answer["epoch"]) == (1, "open", "1"), answer
    assert int(answer["until"]) == b.now + 5000 and answer["trips"] == "1"
    assert answer["reason"] == "errors" and answer["calls"] == "0"


@branch("breaker", "who decides on an old standing changes nothing", again=None)
def _(b):
    b.run(b.breaker("open", 0, 5000, "errors", "open"))
    answer = standing(b, (yield b.breaker("open", 0, 60_000, "late", "off")))
    assert (answer["won"], answer["state"], answer["reason"]) == (0, "open", "errors"), answer


@branch("breaker", "one probe goes out in the whole fleet, and none before its time", again=None)
def _(b):
    b.run(b.breaker("open", 0, 5000, "errors", "open"))
    early = standing(b, b.run(b.breaker("probe", 1, 30_000, "w1", now=b.now + 4999)))
    first = standing(b, b.run(b.breaker("probe", 1, 30_000, "w1", now=b.now + 5000)))
    assert (early["won"], first["won"]) == (0, 1)
    answer = standing(b, (yield b.breaker("probe", 1, 30_000, "w2", now=b.now + 6000)))
    assert answer["won"] == 0
    lost = standing(b, b.run(b.breaker("probe", 1, 30_000, "w2", now=b.now + 35_000)))
    assert lost["won"] == 1


@branch("breaker", "a probe that told nothing is given back by who sent it", again=None)
def _(b):
    b.run(b.breaker("open", 0, 0, "errors", "open"))
    b.run(b.breaker("probe", 1, 30_000, "w1"))
    b.run(b.breaker("probe", 1, 0, "w1"))
    answer = standing(b, (yield b.breaker("probe", 1, 30_000, "w2")))
    assert answer["won"] == 1


@branch("breaker", "it is closed by way of a ramp, and has then never been open", again=None)
def _(b):
    b.run(b.breaker("open", 0, 0, "errors", "open"))
    ramp = standing(b, b.run(b.breaker("close", 1)))
    assert (ramp["state"], ramp["trips"]) == ("ramping", "1"), ramp
    answer = standing(b, (yield b.breaker("close", 2)))
    assert (answer["state"], answer["trips"], answer["reason"]) == ("closed", "0", ""), answer


@branch("allowance", "a lone fleet has one, then a tenth of its requests", again=None)
def _(b):
    taken = [b.run(b.allowance(1)) for _ in range(5)]
    assert taken == [1, 0, 0, 0, 0], taken
    assert b.run(b.allowance(5)) == 1
    answer = yield b.allowance(9)
    assert answer == 0
    assert b.run(b.allowance(1)) == 1


@branch("allowance", "what quiet times save up is bounded", again=None)
def _(b):
    b.run(b.allowance(1_000_000, take=0))
    taken = [b.run(b.allowance(0)) for _ in range(101)]
    assert sum(taken) == 100, sum(taken)
    answer = yield b.allowance(0)
    assert answer == 0
