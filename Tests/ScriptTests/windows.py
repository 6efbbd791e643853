#!/usr/bin/env python3
"""The sliding windows against a model of them, on random histories.

SCRIPT_HISTORIES is how many (100,000 are what is promised), SCRIPT_SEED where they begin.
"""
import os
import random
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import harness  # noqa: F401
from support.checks import check, run

from harness.books import GROUP, HOUR, Books, load
from harness.servers import Server

HISTORIES = int(os.environ.get("SCRIPT_HISTORIES") or 10_000)
SEED = int(os.environ.get("SCRIPT_SEED") or random.randrange(10**9))
BATCH = 200
MINUTE = 60_000


class Window:
    """The model: what counts now is what happened in the last `span` ms, in steps of `grain` ms."""

    def __init__(self, span, grain=1):
        self.span, self.grain, self.log = span, grain, {}

    def leaves(self, time):
        """When a whole grain is `span` old."""
        return (time // self.grain + (self.grain > 1)) * self.grain + self.span

    def used(self, now):
        return sum(amount for time, amount in self.log.values() if self.leaves(time) > now)

    def until(self, now, amount):
        """How long until so much has left."""
        for time, part in sorted(self.log.values()):
            amount -= part if self.leaves(time) > now else 0
            if amount <= 0:
                return self.leaves(time) - now
        raise AssertionError("so much is not in the window")


def share(limit, settled, reserved, least, most, may_wait):
    """All that is asked for, else what is left, else it waits for others, or goes."""
    left, ever = limit - settled - reserved, limit - settled
    if left >= most:
        return "granted", most
    if may_wait and (ever >= most or ever >= least > left):
        return "wait", 0
    return ("granted", left) if left >= least else ("refused", max(left, 0))


class History:
    """Calls, and what must be answered to each; it shows as its seed and its calls."""

    def __init__(self, seed, books):
        self.seed, self.dice, self.books, self.now = seed, random.Random(seed), books, books.now
        self.limit = self.dice.choice((3000, 10**14 + 3000, 9 * 10**15))
        self.calls, self.expected, self.count, self.retry = [], [], 0, 0
        self.running = {}

    def amount(self, low, high):
        return self.dice.randrange(low, high) * (self.limit // 3000) + self.dice.randrange(7)

    def pass_time(self, *windows):
        """Often to the very moment at which something leaves, or a ms, or a grain, beside it."""
        edges = [w.leaves(time) - self.now for w in windows for time, _ in w.log.values()]
        kind = self.dice.randrange(6)
        if kind == 1:
            self.now += self.dice.randrange(2000)
        elif kind == 2:
            self.now += self.dice.randrange(HOUR // 4)
        elif kind > 2:
            edge = self.dice.choice([ms for ms in edges if ms > 0] + [self.retry])
            self.now += max(0, edge + self.dice.choice((-1000, -1, 0, 0, 1, 1000)))

    def expect(self, call, *answer):
        self.calls.append(call)
        self.expected.append([str(part) for part in answer])
        self.retry = int(answer[-1]) if answer[0] in ("refused", "pace") else 0

    def compare(self, answers):
        for step, (expected, answer) in enumerate(zip(self.expected, answers, strict=True)):
            found = [str(part) for part in (answer if isinstance(answer, list) else [answer])]
            if found[0] == "granted" and len(found) > 3:
                found = [found[0], found[2], found[6]]
            if found[:2] in (["refused", "requests"], ["refused", "cost"]):
                del found[2]
            assert found == expected, (
                f"seed {self.seed}, step {step}: {found} in place of {expected}\n"
                + "\n".join(f"{c.arguments} {e}" for c, e in zip(self.calls, self.expected)))


class UserHistory(History):
    """Requests of one user, his hour's requests and their cost."""

    def __init__(self, seed, books, ids):
        super().__init__(seed, books)
        self.ids = ids
        self.requests, self.cost, self.parked = Window(HOUR), Window(HOUR), {}
        self.requests_max = self.dice.randrange(1, 5)
        for _ in range(self.dice.randrange(2, len(ids) + 1)):
            self.pass_time(self.requests, self.cost)
            if self.running and self.dice.random() < 0.45:
                self.end()
            elif self.parked and self.dice.random() < 0.5:
                name = self.dice.choice(list(self.parked))
                self.ask(name, *self.parked[name])
            else:
                least = self.amount(1, 1200)
                self.ask(f"{seed}-{self.count}", least, least + self.amount(0, 1500))
                self.count += 1

    def call(self, make, name, **arguments):
        id = self.ids[int(name.split("-")[1])]
        return make(id, name, user=f"u{self.seed}", now=self.now, **arguments)

    def ask(self, name, least, most):
        may_wait = self.dice.random() < 0.7
        call = self.call(
            self.books.admit, name, least=least, most=most, may_wait=may_wait,
            tiers=(("free", self.requests_max, self.limit),))
        over = self.requests.used(self.now) - self.requests_max + 1
        if name not in self.parked and over > 0:
            self.expect(call, "refused", "requests", 0, self.requests.until(self.now, over))
            return
        settled, reserved = self.cost.used(self.now), sum(self.running.values())
        what, amount = share(self.limit, settled, reserved, least, most, may_wait)
        assert settled + reserved + (amount if what == "granted" else 0) <= self.limit
        if what == "refused":
            due = least - (self.limit - settled)
            retry = -1 if least > self.limit else \
                self.cost.until(self.now, due) if due > 0 else 1000
            self.expect(call, "refused", "cost", amount, retry)
            if self.parked.pop(name, None):
                del self.requests.log[name]
            return
        if name not in self.parked:
            self.requests.log[name] = (self.now, 1)
        self.parked.pop(name, None)
        if what == "wait":
            self.parked[name] = (least, most)
            self.expect(call, "wait", 250)
        else:
            self.running[name] = amount
            self.expect(call, "granted", amount, self.limit - settled - reserved)

    def end(self):
        name = self.dice.choice(list(self.running))
        grant = self.running.pop(name)
        cost = self.dice.choice((0, grant, self.dice.randrange(grant + 1)))
        keeps = self.dice.random() < 0.8
        self.expect(self.call(self.books.commit, name, cost=cost, keeps=keeps), "committed")
        self.cost.log[name] = (self.now, cost)
        if not keeps:
            del self.requests.log[name]


class FleetHistory(History):
    """Calls of the fleet, its minute's turns and its hour's cost, both in steps of a second.

    A call counts off 100 seconds at the most: `first` is where the counted ones begin.
    """

    def __init__(self, seed, books):
        super().__init__(seed, books)
        self.pace_max = self.dice.choice(("", 1, 2, 3))
        self.cost, self.exact = Window(HOUR, 1000), Window(HOUR)
        self.pace, self.exact_pace = Window(MINUTE, 1000), Window(MINUTE)
        self.first = self.last = None
        for _ in range(self.dice.randrange(2, 13)):
            self.pass_time(self.cost, self.pace)
            if self.running and self.dice.random() < 0.5:
                self.end()
            else:
                self.ask()

    def settled(self):
        second = self.now // 1000
        if self.first is not None and second - self.last > 3600:
            self.first = None
        if self.first is None:
            self.cost.log.clear()
            return 0
        self.first = max(self.first, min(second - 3600, self.first + 100))
        seen = sum(cost for time, cost in self.cost.log.values() if time // 1000 >= self.first)
        if self.first >= second - 3600:
            assert seen == self.cost.used(self.now)
        assert seen >= self.cost.used(self.now) >= self.exact.used(self.now)
        assert self.cost.used(self.now) <= self.exact.used(self.now - 1000)
        return seen

    def ask(self):
        if self.running and self.dice.random() < 0.1:
            name = self.dice.choice(list(self.running))
            call = self.books.reserve(name, 1, 2, limit=self.limit, pace=self.pace_max, now=self.now)
            self.expect(call, "granted", self.running[name])
            return
        self.count += 1
        name, least = f"0:r{self.count}:1:1", self.amount(1, 1200)
        most = least + self.amount(0, 1500)
        call = self.books.reserve(
            name, least, most, limit=self.limit, pace=self.pace_max, now=self.now)
        turns = self.pace.used(self.now)
        assert self.exact_pace.used(self.now) <= turns <= self.exact_pace.used(self.now - 1000)
        if self.pace_max and turns >= self.pace_max:
            self.expect(call, "pace", self.pace.until(self.now, turns - self.pace_max + 1))
            return
        settled, reserved = self.settled(), sum(self.running.values())
        is_behind = self.first is not None and self.first < self.now // 1000 - 3600
        what, amount = share(self.limit, settled, reserved, least, most, True)
        if what != "granted" or amount < most:
            if least > self.limit:
                self.expect(call, "refused", amount, -1)
                return
            if is_behind:
                self.expect(call, "wait", 1)
                return
        if what == "wait":
            self.expect(call, "wait", 250)
        elif what == "refused":
            self.expect(call, "refused", amount, self.retry_after(least - self.limit + settled))
        else:
            self.running[name] = amount
            self.pace.log[name] = self.exact_pace.log[name] = (self.now, 1)
            self.expect(call, "granted", amount)

    def retry_after(self, due):
        exact = self.cost.until(self.now, due)
        horizon = (self.first + 101 + 3600) * 1000 - self.now
        return min(exact, horizon)

    def end(self):
        name = self.dice.choice(list(self.running))
        grant = self.running.pop(name)
        cost = self.dice.choice((0, grant, self.dice.randrange(grant + 1)))
        self.expect(self.books.settle(name, cost, now=self.now), "settled")
        if cost:
            self.cost.log[name] = self.exact.log[name] = (self.now, cost)
            self.last = self.now // 1000
            self.first = self.last if self.first is None else self.first


def play(client, histories):
    """All calls of all histories in one go; each history's are in their order."""
    pipeline = client.pipeline(transaction=False)
    for history in histories:
        history.books.client = pipeline
        for call in history.calls:
            history.books.run(call)
    answers = iter(pipeline.execute())
    for history in histories:
        history.compare([next(answers) for _ in history.calls])


@check("a user's requests and costs of an hour are exact")
def users(server):
    client = server.client
    for start in range(0, HISTORIES // 2, BATCH):
        client.flushall()
        books = Books(client)
        books.make_groups()
        pipeline = client.pipeline(transaction=False)
        for _ in range(BATCH * 10):
            pipeline.xadd(books.requests("normal"), {"request_id": "r"})
        ids = pipeline.execute()
        client.xreadgroup(GROUP, "w1", {books.requests("normal"): ">"}, len(ids))
        histories = [
            UserHistory(SEED + start + index, Books(None), ids[index * 10:index * 10 + 10])
            for index in range(min(BATCH, HISTORIES // 2 - start))]
        play(client, histories)
        for history in histories:
            books.client = client
            settled, reserved = books.cost(f"u{history.seed}")
            assert reserved == sum(history.running.values()), f"seed {history.seed}"
            assert settled >= history.cost.used(history.now), f"seed {history.seed}"


@check("the fleet's minute and hour are never emptier than they were, nor a second fuller")
def fleet(server):
    for start in range(0, HISTORIES // 2, BATCH):
        server.client.flushall()
        histories = [
            FleetHistory(SEED + start + index, Books(None, stem=f"t{index}"))
            for index in range(min(BATCH, HISTORIES // 2 - start))]
        play(server.client, histories)
        for index, history in enumerate(histories):
            _, reserved = Books(server.client, stem=f"t{index}").fleet_cost()
            assert reserved == sum(history.running.values()), f"seed {history.seed}"


@check("while more costs leave than a call counts off, too many are seen and never too few")
def crowds(server):
    client = server.client
    for seed in range(SEED, SEED + max(HISTORIES // 500, 20)):
        client.flushall()
        dice = random.Random(seed)
        books = Books(client)
        books.make_groups()
        cost = Window(HOUR)
        for index in range(dice.randrange(100, 450)):
            when = books.now - HOUR - 300 + dice.randrange(400)
            cost.log[index] = (when, dice.randrange(1, 100))
        client.zadd(books.user("u1", "costlog"), {
            f"{amount}:x{index}:1": when for index, (when, amount) in cost.log.items()})
        total = sum(amount for _, amount in cost.log.values())
        client.hset(books.user("u1", "cost"), "settled_nanousd", total)
        limit = total + dice.randrange(100)
        id = books.delivered()
        for tries in range(6):
            now = books.now + dice.randrange(20)
            least = dice.randrange(1, limit // 2)
            may_wait = dice.random() < 0.5
            answer = books.run(books.admit(
                id, least=least, most=least, may_wait=may_wait, now=now,
                tiers=(("free", 10, limit),)))
            free = limit - cost.used(now)
            assert books.cost()[0] >= cost.used(now), f"seed {seed}"
            if answer[0] == "granted":
                assert least <= free, f"seed {seed}: {answer}"
                break
            if tries >= 5:
                assert least > free, f"seed {seed}: all is counted off by now"
            if str(answer[-1]) not in ("1", "-1"):
                assert answer[0] == "refused" and int(answer[-1]) == cost.until(now, least - free), \
                    f"seed {seed}: {answer}"


with Server() as server:
    print(f"{HISTORIES} histories from SCRIPT_SEED={SEED}")
    load(server.client)
    run(server)
