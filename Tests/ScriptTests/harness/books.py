"""The scripts as calls, by the names of their arguments, over the keys of one partition.

A method makes a `Call`; `run` sends it. Where the client is a pipeline, `run` queues it.
"""
import hashlib
import time
from dataclasses import dataclass

from harness import ROOT

FOLDER = ROOT / "Sources/Gateways/Redis/Scripts"
SHARED = (FOLDER / "ending.lua").read_text()


def source(path):
    """A script as it is loaded: behind what those that say so have alike."""
    text = path.read_text()
    return SHARED + text if "\n-- Begins with ending.lua.\n" in text else text


SOURCES = {path.stem: source(path) for path in sorted(FOLDER.glob("*.lua"))
           if path.stem != "ending"}
SHAS = {name: hashlib.sha1(text.encode()).hexdigest() for name, text in SOURCES.items()}

GROUP = "workers"
QUEUES = ("retry", "high", "normal", "low")
FOR_OPERATORS = ("ends:", "cost:", "time:", "source:", "degraded:")
HOUR = 3_600_000
DAY = 24 * HOUR
REPLY_TTL = 600_000
DEDUPE_TTL = DAY
BATCH_TIMEOUT = HOUR
# Small limits, so that a test reaches them: requests and nano-dollars an hour.
TIERS = (("free", 3, 10_000), ("basic", 5, 50_000))
NO_LIMIT = 9 * 10**15


@dataclass(frozen=True)
class Call:
    script: str
    keys: tuple
    arguments: tuple


def load(client):
    """Every script, as a worker loads them when it starts."""
    for text in SOURCES.values():
        client.script_load(text)


class Books:
    """One partition's keys, and the fleet's; `now` is what time the scripts are told it is."""

    def __init__(self, client, partition="0", stem="t"):
        self.client = client
        self.stem = f"{stem}:{{{partition}}}:"
        self.fleet = f"{stem}:{{global}}:"
        # Ahead of the server's clock: what expires by a time of the test outlives the test.
        self.now = int(time.time() * 1000) + DAY

    # Keys

    def key(self, name):
        return self.stem + name

    def requests(self, queue):
        return self.key(f"requests:{queue}")

    def reply(self, request):
        return self.key(f"reply:{request}")

    def record(self, request):
        return self.key(f"request:{request}")

    def user(self, user, part):
        return self.key(f"user:{user}:{part}")

    def mark(self, request):
        return self.key(f"cancelled:{request}")

    def batch_mark(self, batch):
        return self.key(f"batch-cancelled:{batch}")

    def batch(self, place):
        """The ten keys of the batch that a place 'index size batch_id [envelope]' is in."""
        if not place:
            return ()
        _, _, batch, *envelope = place.split(" ")
        envelope = "".join(envelope)
        return (self.key(f"batch:{batch}"), self.key(f"batch-ended:{batch}"),
                self.key(f"batch-open:{batch}"), self.key(f"batch-reply:{batch}"),
                self.key("batches"), self.reply(envelope), self.record(envelope), self.key("due"),
                self.key("ledger"), self.key("counters"))

    def marks(self, request, place):
        """The marks by which a request may be taken back, and its batch's keys."""
        if not place:
            return (self.mark(request),)
        return (self.mark(request), self.batch_mark(place.split(" ")[2]), *self.batch(place))

    # What orchestrators and workers do beside the scripts

    def make_groups(self):
        for queue in QUEUES:
            self.client.xgroup_create(self.requests(queue), GROUP, "0", mkstream=True)

    def add(self, request="r1", queue="normal", **fields):
        return self.client.xadd(
            self.requests(queue), {"request_id": request, "payload": "{}", **fields})

    def read(self, consumer="w1", queue="normal", count=100):
        """IDs of the entries delivered to this consumer."""
        found = self.client.xreadgroup(GROUP, consumer, {self.requests(queue): ">"}, count)
        return [id for _, entries in found for id, _ in entries]

    def delivered(self, request="r1", consumer="w1", queue="normal", **fields):
        """An entry, added and read: its ID."""
        id = self.add(request, queue, **fields)
        assert id in self.read(consumer, queue)
        return id

    def live(self, consumer="w1"):
        self.client.set(self.key(f"worker:{consumer}"), "1")

    def die(self, consumer="w1"):
        self.client.delete(self.key(f"worker:{consumer}"))

    def lead(self, token="1"):
        """Gives the lease to a supervisor with this token."""
        self.client.hset(self.key("lease"), mapping={"holder": "s1", "token": token})

    # What is in the books

    def counters(self):
        """What must add up; what is counted for operators left out."""
        return self._counters(lambda name: not name.startswith(FOR_OPERATORS))

    def counted(self):
        """What is counted for operators alone."""
        return self._counters(lambda name: name.startswith(FOR_OPERATORS))

    def _counters(self, wanted):
        found = self.client.hgetall(self.key("counters"))
        return {name: int(n) for name, n in found.items() if wanted(name)}

    def cost(self, user="u1"):
        found = self.client.hgetall(self.user(user, "cost"))
        return tuple(int(found.get(name, 0)) for name in ("settled_nanousd", "reserved_nanousd"))

    def ledger(self):
        return [fields for _, fields in self.client.xrange(self.key("ledger"))]

    def events(self, request="r1"):
        return [fields for _, fields in self.client.xrange(self.reply(request))]

    def state(self, request="r1"):
        return self.client.hgetall(self.record(request))

    def pending(self, queue="normal"):
        """{entry ID: consumer}."""
        found = self.client.xpending_range(self.requests(queue), GROUP, "-", "+", 1000)
        return {one["message_id"]: one["consumer"] for one in found}

    # The scripts

    def run(self, call):
        return self.client.evalsha(
            SHAS[call.script], len(call.keys), *call.keys, *call.arguments)

    def _now(self, now):
        return str(self.now if now is None else now)

    def admit(self, id, request="r1", queue="normal", consumer="w1", boot="b1", user="u1",
              hash="h1", attempt=1, deadline=None, least=100, most=1000, limits_requests=True,
              limits_cost=True, tier="free", share=NO_LIMIT, may_wait=True, owner="", now=None,
              tiers=TIERS, place="", envelope=False, replay_of="", claimed="", seal=""):
        keys = [*(self.requests(queue) for queue in QUEUES), self.record(request),
                self.reply(request), self.user(user, "requests"), self.user(user, "cost"),
                self.user(user, "costlog"), self.user(user, "profile"), self.key("counters"),
                self.key("due"), self.key(f"worker:{owner or consumer}"), self.key("ledger"),
                *self.marks(request, place)]
        arguments = [
            GROUP, id, queue, consumer, boot, user, hash, request, attempt,
            self.now + 30_000 if deadline is None else deadline, least, most,
            "" if envelope else int(limits_requests), int(limits_cost), tier, share, REPLY_TTL,
            DEDUPE_TTL, int(may_wait), owner, self._now(now), place, BATCH_TIMEOUT, replay_of,
            claimed, seal, *(value for row in tiers for value in row)]
        return Call("admit", tuple(keys), tuple(arguments))

    def call(self, request="r1", boot="b1", attempt=1, state="running", number=1, most=1000,
             spent=0, user="u1", free=False):
        parked = state == "parked"
        keys = (self.record(request), self.key("counters"), self.user(user, "cost"))
        return Call("call", keys, (
            boot, attempt, state,
            *(("free" if free else "", "", "") if parked else (number, most, spent))))

    def commit(self, id, request="r1", queue="normal", event="result", attempt=1, payload="{}",
               boot="b1", user="u1", hash="h1", code="", cost=0, estimated=False, keeps=True,
               facts="[]", now=None, trace=("", ""), place="", replay_of="", evidence='{"v":1}'):
        keys = (self.requests(queue), self.reply(request), self.record(request),
                self.user(user, "cost"), self.user(user, "costlog"), self.user(user, "requests"),
                self.key("ledger"), self.key("counters"), self.key("due"),
                *self.marks(request, place))
        return Call("commit", keys, (
            GROUP, id, event, request, attempt, payload, REPLY_TTL, *trace, boot, user, hash, code,
            cost, int(estimated), int(keeps), DEDUPE_TTL, queue, facts, self._now(now),
            place, BATCH_TIMEOUT, replay_of, evidence))

    def breaker(self, what, first=0, second="", third="", fourth="", way="primary:m", now=None):
        keys = (f"{self.fleet}breaker:{way}", f"{self.fleet}breakers")
        return Call("breaker", keys, (way, what, first, second, third, fourth, self._now(now)))

    def question(self, hash="abc"):
        return f"{self.fleet.split(':')[0]}:{{cache:{hash}}}"

    def join(self, who="0 b1 1 r1 w1", may_lead=True, until=None, fresh=60_000, now=None):
        until = self.now + 30_000 if until is None else until
        return Call("join", (self.question(),), (who, int(may_lead), until, fresh, self._now(now)))

    def share(self, who="0 b1 1 r1 w1", answer="", kept=300_000, now=None):
        told = ("primary", "m-1") if answer else ("", "")
        return Call("share", (self.question(),), (who, answer, *told, kept, self._now(now)))

    def allowance(self, requests, kind="repeats", share=100, take=1):
        return Call("allowance", (f"{self.fleet}allowances",), (kind, requests, share, take))

    def event(self, request="r1", boot="b1", attempt=1, event="accepted", trace=""):
        return Call("event", (self.record(request), self.reply(request)), (
            boot, event, request, attempt, "{}", self.now + REPLY_TTL, trace))

    def bury(self, id, request="", queue="normal", reason="no reason", fields=("a", "1"), cut=0,
             kept=1000, place="", member="r1"):
        keys = (self.requests(queue), self.key("dead"), self.reply(request), self.key("counters"),
                *self.batch(place))
        payload = '{"code":"request_id_conflict"}' if request else ""
        return Call("bury", keys, (
            GROUP, id, reason, queue, cut, kept, request, payload, REPLY_TTL, place,
            member if place else "", *fields))

    def remind(self, id, request="r1", queue="normal", trace=""):
        keys = (self.requests(queue), self.reply(request), self.record(request),
                self.key("counters"))
        return Call("remind", keys, (GROUP, id, request, "{}", REPLY_TTL, trace, queue))

    def requeue(self, id, request="r1", queue="normal", owner="w1", why="dead", user="u1",
                token="1", boot="b1", attempts=5, now=None, seal=""):
        keys = (self.requests(queue), self.requests("retry"), self.record(request),
                self.user(user, "cost"), self.key("ledger"), self.key("counters"),
                self.key(f"worker:{owner}"), self.key(f"revoked:{owner}"), self.key("lease"),
                self.key(f"alone:{owner}"))
        return Call("requeue", keys, (
            GROUP, id, queue, owner, why, request, user, "" if why == "release" else token,
            boot if why == "release" else "", attempts, self._now(now), seal))

    def fail(self, id, request="r1", queue="normal", owner="w1", token="1", only_dead=True,
             user="u1", hash="h1", attempts=5, code="attempts_exhausted", reason="it failed",
             kept=1000, trace="", place="", now=None):
        keys = (self.requests(queue), self.key("dead"), self.reply(request), self.record(request),
                self.user(user, "cost"), self.key("ledger"), self.key("counters"), self.key("due"),
                self.key("lease"), self.key(f"worker:{owner}"), *self.batch(place))
        return Call("fail", keys, (
            GROUP, id, queue, owner, token, int(only_dead), request, user, hash, attempts, code,
            "{}", REPLY_TTL, DEDUPE_TTL, reason, kept, trace, place, BATCH_TIMEOUT,
            self._now(now)))

    def expire(self, request="r1", token="1", user="u1", hash="h1", trace="",
               code="deadline_passed", deleting="", queue="normal", place="", replay_of="",
               owner=""):
        keys = (self.reply(request), self.record(request), self.key("ledger"),
                self.key("counters"), self.key("lease"), self.requests(queue),
                self.key(f"worker:{owner}"), *self.marks(request, place))
        return Call("expire", keys, (
            token, request, user, hash, "rejected", code, "{}", REPLY_TTL, DEDUPE_TTL, trace,
            GROUP, deleting, queue, place, BATCH_TIMEOUT, replay_of, owner))

    def control(self, token="1", count=100, now=None):
        keys = (self.key("control"), self.key("paused"), self.key("lease"))
        return Call("control", keys, ("supervisor", "s1", token, count, self._now(now)))

    def tell(self, token="1", waiting=7, oldest=20, wait=3000, accepting=1, outbox=0):
        return Call("load", (self.key("load"), self.key("lease")), (
            token, 5000, waiting, oldest, wait, accepting, outbox))

    def abandon(self, request="r1", queue="normal", token="1", user="u1", entry="", attempt="1",
                place=""):
        keys = (self.requests(queue), self.reply(request), self.record(request),
                self.user(user, "cost"), self.key("ledger"), self.key("counters"), self.key("due"),
                self.key("lease"), *self.batch(place))
        return Call("abandon", keys, (
            GROUP, token, request, entry, attempt, user, "deadline", "{}", REPLY_TTL, DEDUPE_TTL,
            place))

    def cancel(self, request="r1", queue="normal", token="1", user="u1", entry="", attempt="",
               owner="", place="", by='"desk"', now=None):
        """As who has read the record: all but the id are empty when there was none."""
        user = user if attempt else ""
        keys = (self.requests(queue), self.reply(request), self.record(request),
                self.user(user, "cost"), self.user(user, "costlog"), self.user(user, "requests"),
                self.key("ledger"), self.key("counters"), self.key("due"), self.key("lease"),
                self.key(f"revoked:{owner}"), self.mark(request), self.key("cancelled"),
                *self.batch(place))
        return Call("cancel", keys, (
            GROUP, token, request, entry, attempt, user, owner, place, by, REPLY_TTL, DEDUPE_TTL,
            BATCH_TIMEOUT, self._now(now)))

    def cancel_batch(self, batch="b1", token="1", count=100):
        keys = (self.batch_mark(batch), self.key(f"batch-open:{batch}"), self.key("lease"),
                self.key("cancelled"))
        return Call("cancel_batch", keys, (token, '"desk"', BATCH_TIMEOUT, count))

    def close_batch(self, batch="b1", envelope="", token="1", patience=60_000, now=None):
        keys = (self.key("lease"), *self.batch(f"0 1 {batch} {envelope}"))
        return Call("close_batch", keys, (token, batch, envelope, patience, self._now(now)))

    def expand(self, id, members=("m0", "m1"), first=0, size=2, envelope="e1", queue="normal",
               to="low", batch="b1", boot="b1", attempt=1, taken_back=False, extra=("", "", ""),
               seal=""):
        keys = [self.requests(queue), self.requests(to), self.batch_mark(batch),
                *self.batch(f"0 {size} {batch} {envelope}")]
        if taken_back:
            for member in members:
                keys += [self.reply(member), self.record(member)]
        arguments = [part for member in members for part in (
            member, "{}", "u1", f"h-{member}", seal)]
        return Call("expand_batch", tuple(keys), (
            GROUP, id, queue, boot, attempt, envelope, batch, size, first, 5000,
            self.now + 30_000, REPLY_TTL, DEDUPE_TTL, *extra, *arguments))

    def lease(self, holder="s1", lasts=60_000):
        return Call("lease", (self.key("lease"), self.key("counters")), (holder, lasts))

    def reap(self, consumer="w1", token="1", now=None):
        keys = (*(self.requests(queue) for queue in QUEUES), self.key(f"worker:{consumer}"),
                self.key("lease"), self.key(f"alone:{consumer}"), self.key("counters"))
        return Call("reap", keys, (GROUP, consumer, token, self._now(now)))

    def take(self, consumer="w1", count=10, queues=QUEUES, shares=None):
        return Call("take", (*map(self.requests, queues), self.key("cancelled")), (
            GROUP, consumer, count, *(shares or [count] * len(queues))))

    def find(self, queue="normal", start="-", newest=False, count=100, field="", value="",
             names=("request_id",)):
        return Call("find", (self.requests(queue),), (
            start, int(newest), count, field, value, *names))

    def weigh(self, consumer="w1", queue="normal", bytes=100, count=100):
        return Call("weigh", (self.requests(queue),), (GROUP, consumer, bytes, count))

    def reserve(self, name="0:r1:1:1", least=100, most=1000, deadline=None, limit=10_000, pace="",
                priority="normal", weights=(16, 4, 1), now=None, needs_books=False):
        keys = tuple(self.fleet + part for part in (
            "cost", "reservations", "spend", "pace", "books"))
        return Call("reserve_global", keys, (
            name, least, most, self.now + 30_000 if deadline is None else deadline, limit, pace,
            self._now(now), priority, *weights, int(needs_books)))

    def settle(self, name="0:r1:1:1", cost=500, now=None):
        keys = tuple(self.fleet + part for part in ("cost", "reservations", "spend"))
        return Call("settle_global", keys, (name, cost, self._now(now)))

    def fleet_cost(self):
        found = self.client.hgetall(self.fleet + "cost")
        return tuple(int(found.get(name, 0)) for name in ("settled_nanousd", "reserved_nanousd"))


def snapshot(raw):
    """Everything that is stored, byte for byte, and whether it expires."""
    return {key: (raw.dump(key), raw.pttl(key) >= 0) for key in raw.keys("*")}
