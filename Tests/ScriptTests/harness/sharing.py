"""Answers that are shared: who asks for all, who waits, and with nothing set aside."""
from harness.branches import SAME, admitted, branch

OTHER = "1 b2 1 r2 w2"
CHOICE = '{"choice":1}'


def led(b):
    assert b.run(b.join()) == ["leads"]


def answered(b):
    led(b)
    assert b.run(b.share(answer=CHOICE)) == "shared"


@branch("join", "who finds neither an answer nor a leader leads, until its own time is over", again=SAME)
def _(b):
    answer = yield b.join()
    assert answer == ["leads"]
    assert b.client.hgetall(b.question()) == {
        "leader": "0 b1 1 r1 w1", "until": str(b.now + 30_000)}
    assert 0 < b.client.pexpiretime(b.question()) <= b.now + 30_000


@branch("join", "who finds a leader follows it, and changes nothing", again=SAME)
def _(b):
    led(b)
    before = b.client.hgetall(b.question())
    answer = yield b.join(OTHER)
    assert answer == ["follows", "0 b1 1 r1 w1"] and b.client.hgetall(b.question()) == before


@branch("join", "a leader whose time is over is followed by nobody", again=SAME)
def _(b):
    led(b)
    answer = yield b.join(OTHER, until=b.now + 90_000, now=b.now + 30_000)
    assert answer == ["leads"]
    assert b.client.hget(b.question(), "leader") == OTHER


@branch("join", "who may not lead is told that nobody does, and nothing is kept", again=SAME)
def _(b):
    answer = yield b.join(may_lead=False)
    assert answer == ["free"] and not b.client.exists(b.question())


@branch("join", "an answer that is fresh is found by all", again=SAME)
def _(b):
    answered(b)
    answer = yield b.join(OTHER, now=b.now + 59_999)
    assert answer == ["hit", "59999", "primary", "m-1", CHOICE], answer


@branch("join", "one that is old goes to who asks anew, and stays until that is answered", again=SAME)
def _(b):
    answered(b)
    answer = yield b.join(OTHER, until=b.now + 90_000, now=b.now + 60_000)
    assert answer == ["leads", "60000", "primary", "m-1", CHOICE], answer
    assert b.run(b.join("2 b3 1 r3 w3", now=b.now + 60_001)) == ["follows", OTHER]
    assert b.run(b.share(OTHER)) == "left"
    assert b.client.hget(b.question(), "answer") == CHOICE


@branch("join", "a lead keeps an answer no shorter than it was kept", again=SAME)
def _(b):
    answered(b)
    before = b.client.pexpiretime(b.question())
    yield b.join(OTHER, until=0, now=b.now + 60_000)
    assert b.client.pexpiretime(b.question()) == before


@branch("share", "the leader's answer is kept for so long, and nobody leads any more", again="lost")
def _(b):
    led(b)
    answer = yield b.share(answer=CHOICE)
    assert answer == "shared"
    assert b.client.hgetall(b.question()) == {
        "answer": CHOICE, "at": str(b.now), "endpoint": "primary", "model": "m-1"}
    assert 0 < b.client.pttl(b.question()) <= 300_000


@branch("share", "a leader without an answer leaves nothing behind", again="lost")
def _(b):
    led(b)
    answer = yield b.share()
    assert answer == "left" and not b.client.exists(b.question())


@branch("share", "who does not lead any more changes nothing", again=SAME)
def _(b):
    led(b)
    b.run(b.join(OTHER, now=b.now + 30_000))
    before = b.client.hgetall(b.question())
    answer = yield b.share(answer=CHOICE)
    assert answer == "lost" and b.client.hgetall(b.question()) == before


@branch("call", "what waits for another's answer gives back what was set aside for it", again=SAME)
def _(b):
    admitted(b)
    assert b.cost() == (0, 1000)
    answer = yield b.call(state="parked", free=True)
    assert answer == "marked" and b.cost() == (0, 0)
    assert (b.state()["state"], b.state()["reserved"]) == ("parked", "0")
    assert b.client.hget(b.key("counters"), "parked") == "1"


@branch("admit", "what waited so is admitted again with all that it may cost, and in the same place", again=SAME)
def _(b):
    id = admitted(b)
    assert b.run(b.call(state="parked", free=True)) == "marked"
    answer = yield b.admit(id)
    assert [str(part) for part in answer[:3]] == ["granted", "1", "1000"], answer
    assert b.cost() == (0, 1000) and b.state()["state"] == "running"
    assert b.client.zcard(b.user("u1", "requests")) == 1
    assert b.client.hget(b.key("counters"), "parked") == "0"


@branch("commit", "what waited so is answered at no cost", again="already")
def _(b):
    id = admitted(b)
    assert b.run(b.call(state="parked", free=True)) == "marked"
    answer = yield b.commit(id)
    assert answer == "committed" and b.cost() == (0, 0)
    assert b.client.hget(b.key("counters"), "parked") == "0"
