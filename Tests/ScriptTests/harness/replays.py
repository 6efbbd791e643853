"""A request that asks another one again says so in the books and in its answer."""
from harness.branches import admitted, branch
from harness.taking_back import cancelled


def told(b, request="r1"):
    assert b.events(request)[-1]["replay_of"] == "r0", b.events(request)
    assert b.state(request)["state"] == "ended" and b.state(request)["replay_of"] == "r0"


@branch("admit", "a replay says in its record what it asks again")
def _(b):
    id = b.delivered()
    answer = yield b.admit(id, replay_of="r0")
    assert answer[0] == "granted" and b.state()["replay_of"] == "r0"


@branch("commit", "a replay says so in its answer and its record", again="already")
def _(b):
    id = admitted(b, replay_of="r0")
    answer = yield b.commit(id, replay_of="r0")
    assert answer == "committed"
    told(b)


@branch("commit", "one that is refused at once says so, too", again="already")
def _(b):
    id = b.delivered()
    answer = yield b.commit(id, boot="", event="rejected", code="unsuitable", replay_of="r0")
    assert answer == "committed"
    told(b)


@branch("fail", "a replay that cannot be finished says so", again=["moved"])
def _(b):
    id = admitted(b, replay_of="r0")
    b.lead()
    answer = yield b.fail(id)
    assert answer[0] == "failed"
    told(b)


@branch("fail", "a replay that was never admitted says so by its entry", again=["moved"])
def _(b):
    id = b.delivered(replay_of="r0")
    b.lead()
    answer = yield b.fail(id)
    assert answer[0] == "failed"
    told(b)


@branch("cancel", "a replay that is taken back says so", again=["ended"])
def _(b):
    b.lead()
    id = admitted(b, replay_of="r0")
    answer = yield cancelled(b, id)
    assert answer[0] == "cancelled"
    told(b)


@branch("abandon", "a replay whose entry is nowhere says so", again=["ended"])
def _(b):
    id = admitted(b, replay_of="r0")
    b.lead()
    b.client.xack(b.requests("normal"), "workers", id)
    answer = yield b.abandon(entry=id)
    assert answer[0] == "abandoned"
    told(b)


@branch("expire", "a replay that nobody read says so", again="known")
def _(b):
    b.lead()
    b.add()
    answer = yield b.expire(replay_of="r0")
    assert answer == "expired"
    told(b)
