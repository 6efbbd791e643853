"""What must hold of a history, whatever was broken while it was made."""
import json
from collections import defaultdict

from harness.books import SOURCES
from support.checks import wait_until

from rig.fleet import GROUP, QUEUES, fleet_key, key
from rig.batches import BY, check_batch, is_unborn
from rig.load import read_replies

# Nano-dollars a token of the model that the simulator answers by: 10 and 30 USD a million.
PROMPT, COMPLETION = 10_000, 30_000
# Keys that go by themselves.
EXPIRING = ("reply", "revoked", "alone", "worker", "request", "cancelled", "batch-cancelled", "batch",
            "batch-ended", "batch-open", "batch-reply")
# The ways by which an entry leaves its stream, as the scripts count them.
WAYS = ("finished", "dead", "requeued", "released", "duplicate", "ghosts", "unacknowledged")


def price(tokens):
    return tokens["prompt_tokens"] * PROMPT + tokens["completion_tokens"] * COMPLETION


class Ledger:
    """The outbox's rows by request, read on from where the last reading ended."""

    def __init__(self):
        self.last, self.rows = "-", defaultdict(list)

    def read(self, client):
        while True:
            page = client.xrange(key("ledger"), self.last, "+", 1000)
            for entry, fields in page:
                self.rows[fields["request_id"]].append(Row(fields))
                self.last = f"({entry}"
            if len(page) < 1000:
                return


class Row:
    """One row: its calls, each as metered, estimated or free."""

    def __init__(self, fields):
        self.fields, self.cost = fields, int(fields["cost_nanousd"])
        self.is_terminal = fields["terminal"] == "1"
        self.payer, self.user = fields["payer"], fields["user"]
        self.metered, self.estimated = [], []
        # What calls before the one that is named cost, and how many at the most they were.
        self.earlier, self.earlier_calls = 0, 0
        if "facts" in fields:
            for call in json.loads(fields["facts"]):
                if call["estimated"]:
                    self.estimated.append((call["reservation"], call["cost_nanousd"]))
                elif "prompt_tokens" in call:
                    self.metered.append(call)
        elif self.cost:
            name = f"0:{fields['request_id']}:{fields['attempt']}:{fields['call']}"
            self.earlier = int(fields["earlier_nanousd"])
            self.earlier_calls = int(fields["call"]) - 1 if self.earlier else 0
            self.estimated.append((name, self.cost - self.earlier))

    def charged(self):
        return self.earlier + sum(call["cost_nanousd"] for call in self.metered) + sum(
            cost for _, cost in self.estimated)


class Checker:
    """Reads the history at moments of rest; what is wrong comes back as sentences."""

    def __init__(self, fleet, load, sampler):
        self.fleet, self.load, self.sampler = fleet, load, sampler
        self.ledger = Ledger()

    def rest(self):
        """Waits until nothing waits or runs."""
        def quiet():
            client = self.fleet.redis
            waits = [*(f"requests:{queue}" for queue in QUEUES), "cancel", "control"]
            return not any(client.xlen(key(name)) for name in waits) and not (
                client.zcard(key("due")))
        wait_until(quiet, "all streams empty")

    def round(self, requests, batches=()):
        """After a round: its requests and batches, and the books as a whole."""
        try:
            self.rest()
        except AssertionError as error:
            return [f"{error}: {self.left()}"]
        read_replies(self.fleet.redis, requests)
        self.ledger.read(self.fleet.redis)
        usage = self.fleet.usage()["requests"]
        wrong = []
        for request in requests:
            wrong += self.answered_once(request)
            wrong += self.charged_right(request.id, usage.get(request.id))
            wrong += self.taken_back_right(request)
        for batch in batches:
            wrong += check_batch(batch, self.fleet.redis, self.ledger)
        return wrong + self.drift() + self.user_sums()

    def left(self):
        client, found = self.fleet.redis, {}
        for queue in QUEUES:
            stream = key(f"requests:{queue}")
            if client.xlen(stream):
                found[queue] = client.xpending(stream, GROUP), client.xrange(stream, count=2)
        due = client.zrange(key("due"), 0, 2)
        return {**found, **{name: client.hgetall(key(f"request:{name}")) for name in due}}

    # One request

    def answered_once(self, request):
        ends = [number for number, event in enumerate(request.events)
                if event in request.terminals()]
        wrong = []
        if not ends and is_unborn(request):
            return [f"{request.id}: {row.fields} though it never came"
                    for row in self.ledger.rows[request.id]]
        if len(ends) != 1:
            wrong.append(f"{request.id}: {len(ends)} terminal events")
        else:
            after = {event["event"] for event in request.events[ends[0] + 1:]}
            if after - {"refused"}:
                wrong.append(f"{request.id}: {after} after its terminal event")
        if any(event["request_id"] != request.id for event in request.events):
            wrong.append(f"{request.id}: another's answer")
        terminal = sum(row.is_terminal for row in self.ledger.rows[request.id])
        if terminal != 1:
            wrong.append(f"{request.id}: {terminal} terminal rows in the ledger")
        elif not self.ledger.rows[request.id][-1].is_terminal:
            wrong.append(f"{request.id}: charged after its end, {self.ledger.rows[request.id][-1].fields}")
        return wrong

    def taken_back_right(self, request):
        """What it says of its cost is what its user paid, and nobody pays later."""
        ends = request.terminals()
        if not ends or ends[0]["event"] != "cancelled":
            return []
        said = json.loads(ends[0]["payload"])
        paid = sum(row.cost for row in self.ledger.rows[request.id] if row.payer == "user")
        wrong = []
        if round(said["cost_usd"] * 10**9) != paid:
            wrong.append(f"{request.id}: says {said}, its user paid {paid}")
        if said["by"] != BY:
            wrong.append(f"{request.id}: taken back by {said['by']}")
        return wrong

    def charged_right(self, name, used):
        rows, wrong = self.ledger.rows[name], []
        metered = [call for row in rows for call in row.metered]
        estimated = [held for row in rows for held in row.estimated]
        for call in metered:
            if call["cost_nanousd"] != price(call):
                wrong.append(f"{name}: {call} costs {price(call)}")
        for reservation, cost in estimated:
            seen = self.sampler.reserved.get(reservation)
            if seen is not None and seen != cost:
                wrong.append(f"{name}: {reservation} is charged {cost}, reserved were {seen}")
        for row in rows:
            if row.charged() != row.cost:
                wrong.append(f"{name}: a row of {row.cost} with calls of {row.charged()}")
            # Who takes back pays what was begun for him.
            pays = "facts" in row.fields or row.fields["event"] == "cancelled"
            payer = "user" if pays else "house"
            if row.cost and row.payer != payer:
                wrong.append(f"{name}: the {row.payer} pays for {row.fields}")
        names = [held[0] for held in estimated] + [call["reservation"] for call in metered]
        if len(set(names)) != len(names):
            wrong.append(f"{name}: a call is charged twice: {names}")
        return wrong + self.as_counted(name, used, metered, estimated)

    def as_counted(self, name, used, metered, estimated):
        """Beside the simulator's figures: a call whose usage reached us to the token, every other at
        no less."""
        empty = {"prompt_tokens": 0, "completion_tokens": 0}
        used = used or {"completed": 0, "cut": {"calls": 0, **empty}, **empty}
        bill = price(used) + price(used["cut"])
        rows = self.ledger.rows[name]
        charged = sum(row.charged() for row in rows)
        known = len(metered) + len(estimated) + sum(row.earlier_calls for row in rows)
        wrong = []
        if used["completed"] + used["cut"]["calls"] > known:
            wrong.append(f"{name}: a call was charged to nobody: {used}, "
                         f"{[row.fields for row in self.ledger.rows[name]]}")
        if len(metered) > used["completed"]:
            wrong.append(f"{name}: {len(metered)} calls metered of {used['completed']}")
        if charged < bill:
            wrong.append(f"{name}: charged {charged}, used {bill}")
        if len(metered) == used["completed"] and metered:
            tokens = {kind: sum(call[kind] for call in metered) for kind in empty}
            if any(tokens[kind] != used[kind] for kind in empty):
                wrong.append(f"{name}: {tokens} charged of {used}")
        return wrong

    # The books as a whole

    def sums(self):
        """Nano-dollars: metered, estimated, the simulator's bill, settled by the fleet."""
        rows = [row for rows in self.ledger.rows.values() for row in rows]
        total = self.fleet.usage()["total"]
        settled = int(self.fleet.redis.hget(fleet_key("cost"), "settled_nanousd") or 0)
        return {
            "metered": sum(call["cost_nanousd"] for row in rows for call in row.metered),
            "estimated": sum(cost for row in rows for _, cost in row.estimated),
            "by the house": sum(row.cost for row in rows if row.payer == "house"),
            "used": price(total) + price(total["cut"]), "settled": settled}

    def user_sums(self):
        spent, wrong = defaultdict(int), []
        for rows in self.ledger.rows.values():
            for row in rows:
                if row.payer == "user":
                    spent[row.user] += row.cost
        for user in {*self.load.users, *self.load.tight}:
            cost = self.fleet.redis.hgetall(key(f"user:{user}:cost"))
            settled = int(cost.get("settled_nanousd", 0))
            reserved = int(cost.get("reserved_nanousd", 0))
            if (settled, reserved) != (spent[user], 0):
                wrong.append(f"{user}: {settled} settled, {reserved} reserved, "
                             f"{spent[user]} in the ledger")
        return wrong

    def drift(self):
        """The law of conservation, counted here as the supervisor counts it."""
        keys = [*(key(f"requests:{queue}") for queue in QUEUES), key("counters"), key("due")]
        books = self.fleet.redis.eval(SOURCES["measure"], len(keys), *keys, GROUP)
        counters = dict(zip(books[1][::2], map(int, books[1][1::2])))
        wrong = []
        for queue, (added, length, *_) in zip(QUEUES, books[3:]):
            gone = sum(counters.get(f"{way}:{queue}", 0) for way in WAYS)
            if added - gone - length:
                wrong.append(f"{queue}: {added} added, {gone} gone, {length} there; {counters}")
        open_requests = counters.get("admitted", 0) - counters.get("ended", 0)
        if open_requests != books[2] or counters.get("parked", 0):
            wrong.append(f"{open_requests} not ended, {books[2]} with a deadline; {counters}")
        return wrong

    # The end

    def left_over(self, with_reservations):
        """What supervisors still have to clear away."""
        client, wrong = self.fleet.redis, []
        living = self.living()
        for queue in QUEUES:
            stream = key(f"requests:{queue}")
            if client.xpending(stream, GROUP)["pending"]:
                wrong.append(f"{queue} has entries pending")
            names = {consumer["name"] for consumer in client.xinfo_consumers(stream, GROUP)}
            if names - living:
                wrong.append(f"{queue} has consumers of the dead: {names - living}")
        if not with_reservations:
            return wrong
        late = client.zcard(key("batches"))
        if late:
            wrong.append(f"{late} batches are not complete")
        held = client.hgetall(fleet_key("reservations"))
        if held or int(client.hget(fleet_key("cost"), "reserved_nanousd") or 0):
            wrong.append(f"the fleet's hour has {held}")
        return wrong

    def living(self):
        return {worker.name for worker in self.fleet.living(self.fleet.workers)}

    def forgotten(self):
        """Keys that nobody will clear away."""
        client, wrong, living = self.fleet.redis, [], self.living()
        names = list(client.scan_iter("strategy:{0}:*", count=1000))
        pipe = client.pipeline(transaction=False)
        for name in names:
            pipe.ttl(name)
        for name, ttl in zip(names, pipe.execute()):
            kind = name.split("}:", 1)[1].split(":")[0]
            if kind == "alone" and name.rsplit(":", 1)[1] not in living:
                wrong.append(f"{name} is left")
            if kind in EXPIRING and ttl == -1:
                wrong.append(f"{name} does not expire")
        return wrong
