"""The branches of what takes requests back: `cancel`, and the marks that other scripts look at."""
from harness.books import BATCH_TIMEOUT, REPLY_TTL
from harness.branches import admitted, branch, calling, ended, requeued

PLACE = "0 2 b1"


def cancelled(b, id, request="r1", **others):
    """The call, as who has read the record makes it."""
    record = b.state(request)
    known = {"queue": record["queue"], "entry": record["entry"], "attempt": record["attempt"],
             "user": record["user"], "owner": record.get("owner", ""),
             "place": record.get("batch", "")}
    return b.cancel(request, **{**known, **others})


def says(b, request, cost="0"):
    events = b.events(request)
    assert [e["event"] for e in events] == ["cancelled"], events
    assert events[0]["payload"] == '{"by":"desk","cost_usd":%s}' % cost, events
    assert 0 < b.client.pttl(b.reply(request)) <= REPLY_TTL


@branch("cancel", "one that nobody has read is remembered, and written nowhere else")
def _(b):
    b.lead()
    id = b.add()
    answer = yield b.cancel()
    assert answer == ["remembered"]
    assert b.client.get(b.mark("r1")) == '"desk"'
    assert 0 < b.client.pttl(b.mark("r1")) <= BATCH_TIMEOUT
    assert 0 < b.client.pttl(b.key("cancelled")) <= BATCH_TIMEOUT
    assert not b.state() and b.events() == [] and b.client.xlen(b.requests("normal")) == 1
    assert b.read() == [id]


@branch("cancel", "one that is parked ends at once, and gives back its place", again=["ended"])
def _(b):
    b.lead()
    admitted(b, "r0", most=9950)
    id = b.delivered()
    assert b.run(b.admit(id))[0] == "wait"
    answer = yield cancelled(b, id)
    assert answer == ["cancelled", "1", 1, "0"], answer
    says(b, "r1")
    assert b.pending() != {} and id not in b.pending()
    assert b.client.lrange(b.key("revoked:w1"), 0, -1) == [f"normal {id} cancelled"]
    assert b.state()["state"] == "ended" and b.state()["code"] == "cancelled"
    assert b.client.zrange(b.user("u1", "requests"), 0, -1) == ["r0"]
    assert b.client.zrange(b.key("due"), 0, -1) == ["r0"]
    assert b.cost() == (0, 9950)
    counters = b.counters()
    assert counters["ended"] == 1 and counters["parked"] == 0 and counters["finished:normal"] == 1
    row = b.ledger()[-1]
    assert (row["event"], row["terminal"], row["payer"], row["cost_nanousd"]) == (
        "cancelled", "1", "user", "0"), row


@branch("cancel", "one that runs and has called nobody ends without a charge", again=["ended"])
def _(b):
    b.lead()
    id = admitted(b)
    answer = yield cancelled(b, id)
    assert answer == ["cancelled", "1", 1, "0"], answer
    says(b, "r1")
    assert b.cost() == (0, 0) and b.pending() == {} and b.client.zcard(b.key("due")) == 0


@branch("cancel", "one at the model is charged at its reservation, and its user pays", again=["ended"])
def _(b):
    b.lead()
    id = calling(b)
    answer = yield cancelled(b, id)
    assert answer == ["cancelled", "1", "1", "1000"], answer
    says(b, "r1", "0.000001")
    assert b.cost() == (1000, 0)
    assert b.client.zrange(b.user("u1", "costlog"), 0, -1) == ["1000:r1:1"]
    assert b.client.zrange(b.user("u1", "requests"), 0, -1) == ["r1"], "a call was made"
    row = b.ledger()[-1]
    assert (row["payer"], row["cost_nanousd"], row["estimated"], row["call"]) == (
        "user", "1000", "1", "1"), row
    assert b.run(b.commit(id, cost=700)) == "already", "whoever comes second changes nothing"
    assert b.cost() == (1000, 0) and len(b.events()) == 1


@branch("cancel", "one that waits on the retry stream ends, and its entry is left for its reader",
        again=["ended"])
def _(b):
    new = requeued(b)
    answer = yield cancelled(b, new)
    assert answer == ["cancelled", "", "", "0"], answer
    says(b, "r1")
    assert b.client.xlen(b.requests("retry")) == 1
    assert b.read("w2", "retry") == [new]
    assert b.run(b.admit(new, queue="retry", consumer="w2", boot="b2")) == ["duplicate"]


@branch("cancel", "one that has ended is left as it is")
def _(b):
    b.lead()
    ended(b)
    answer = yield b.cancel(entry="1-1", attempt="1")
    assert answer == ["ended"] and len(b.events()) == 1 and not b.client.exists(b.mark("r1"))


@branch("cancel", "a reply key that is no stream does not keep it from ending", again=["ended"])
def _(b):
    b.lead()
    id = admitted(b)
    b.client.set(b.reply("r1"), "x")
    answer = yield cancelled(b, id)
    assert answer[0] == "cancelled" and b.client.get(b.reply("r1")) == "x"


@branch("cancel", "a record that has changed meanwhile is looked at again")
def _(b):
    b.lead()
    id = admitted(b)
    answer = yield cancelled(b, id, attempt="2")
    assert answer == ["moved"] and b.state()["state"] == "running"


@branch("cancel", "one that has come into the books meanwhile is looked at again")
def _(b):
    b.lead()
    admitted(b)
    answer = yield b.cancel()
    assert answer == ["moved"] and not b.client.exists(b.mark("r1"))


@branch("cancel", "an envelope whose members are in their stream names its batch")
def _(b):
    b.lead()
    id = b.delivered("e1")
    assert b.run(b.admit(id, "e1", envelope=True, limits_cost=False))[0] == "granted"
    assert b.run(b.expand(id)) == ["at", 2]
    answer = yield cancelled(b, id, "e1")
    assert answer == ["batch", "b1"], answer


@branch("cancel", "who has lost the lease takes nothing back")
def _(b):
    b.lead("2")
    id = calling(b)
    answer = yield cancelled(b, id)
    assert answer == ["fenced"] and b.state()["state"] == "running"


@branch("cancel", "a member of a batch is counted in it", again=["ended"])
def _(b):
    b.lead()
    id = b.delivered()
    assert b.run(b.admit(id, place=PLACE))[0] == "granted"
    assert b.run(b.call()) == "marked"
    answer = yield cancelled(b, id)
    assert answer[0] == "cancelled"
    batch = b.client.hgetall(b.key("batch:b1"))
    assert batch["cancelled"] == "1" and batch["cost_nanousd"] == "1000", batch
    assert b.client.scard(b.key("batch-open:b1")) == 0


@branch("admit", "one that was taken back before it was read is not kept")
def _(b):
    b.lead()
    id = b.delivered()
    assert b.run(b.cancel()) == ["remembered"]
    answer = yield b.admit(id)
    assert answer == ["cancelled", '"desk"']
    assert not b.state() and b.counters() == {} and id in b.pending()


@branch("admit", "one whose batch was taken back before it was read is not kept")
def _(b):
    b.lead()
    assert b.run(b.cancel_batch()) == []
    id = b.delivered()
    answer = yield b.admit(id, place=PLACE)
    assert answer == ["cancelled", '"desk"'] and not b.state()


@branch("commit", "one that was refused, and is taken back, ends so", again="already")
def _(b):
    b.lead()
    id = b.delivered()
    assert b.run(b.cancel()) == ["remembered"]
    answer = yield b.commit(id, boot="", event="rejected", code="deadline_passed")
    assert answer == "committed"
    says(b, "r1")
    assert b.state()["code"] == "cancelled" and not b.client.exists(b.mark("r1"))
    assert b.ledger()[-1]["event"] == "cancelled"


@branch("commit", "one that runs and is remembered all the same ends by its own answer",
        again="already")
def _(b):
    id = admitted(b)
    b.client.set(b.mark("r1"), '"desk"')
    answer = yield b.commit(id)
    assert answer == "committed" and b.events()[0]["event"] == "result"


@branch("expire", "one that was taken back, and that nobody read, ends so", again="known")
def _(b):
    b.lead()
    b.add()
    assert b.run(b.cancel()) == ["remembered"]
    answer = yield b.expire()
    assert answer == "expired"
    says(b, "r1")
    assert b.state()["code"] == "cancelled" and not b.client.exists(b.mark("r1"))


@branch("cancel_batch", "a batch that nobody has read anything of is remembered")
def _(b):
    b.lead()
    answer = yield b.cancel_batch()
    assert answer == [] and b.client.get(b.batch_mark("b1")) == '"desk"'
    assert 0 < b.client.pttl(b.batch_mark("b1")) <= BATCH_TIMEOUT
    assert 0 < b.client.pttl(b.key("cancelled")) <= BATCH_TIMEOUT


@branch("cancel_batch", "members in the books are told")
def _(b):
    b.lead()
    assert b.run(b.admit(b.delivered(), place=PLACE))[0] == "granted"
    answer = yield b.cancel_batch()
    assert answer == ["r1"]


@branch("cancel_batch", "who has lost the lease remembers nothing")
def _(b):
    b.lead("2")
    answer = yield b.cancel_batch()
    assert answer == -1 and not b.client.exists(b.batch_mark("b1"))
