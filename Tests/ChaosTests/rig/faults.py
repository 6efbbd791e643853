"""What is broken in a round, and how it comes to life again."""
import signal
import time
from dataclasses import dataclass
from typing import Callable

from support.checks import wait_until

from rig.fleet import GROUP, HEARTBEAT_TTL, OUTAGES, QUEUES, has_stopped, key

# As `strategy-worker` and `strategy-supervisor` name them.
WORKER_POINTS = ("read", "decoded", "admitted", "reserved", "marked", "answered", "judged",
                 "committed", "settled")
SUPERVISOR_POINTS = ("leased", "begun", "found", "requeued", "settled", "reaped", "measured", "ended")
HOWS = ("kill", "freeze")
# Of the supervisor's lease, and what Redis takes to notice.
LEASE = 5.5
# A reservation is swept a minute after its deadline.
SWEPT = 90


@dataclass(frozen=True)
class Fault:
    """`steps` is a generator over an arena: up to its `yield` before the load, then beside it."""
    name: str
    steps: Callable
    deadline_s: float | None = None
    seconds: float = 2.0
    # Of all requests: those in batches, of those what one entry brings, and what is taken back.
    in_batches: float = 0.15
    envelopes: float = 0.5
    cancels: float = 0.05
    batch_cancels: float = 0.2


def worker_at(point, how):
    def steps(arena):
        victim = arena.fleet.worker(FAULT_AT=f"{point}={how}@{arena.nth()}")
        arena.watched()
        yield
        arena.until_stopped(victim, point)
        stopped = time.monotonic()
        arena.rescue(victim)
        if how == "freeze":
            arena.wake(victim, max(0.0, stopped + HEARTBEAT_TTL + 1 - time.monotonic()))
    return Fault(f"worker, {how} at {point}", steps)


def expanding(how):
    """A worker stops in the middle of a batch."""
    def steps(arena):
        victim = arena.fleet.worker(FAULT_AT=f"expanded={how}")
        arena.watched()
        yield
        arena.until_stopped(victim, "expanded")
        stopped = time.monotonic()
        arena.rescue(victim)
        if how == "freeze":
            arena.wake(victim, max(0.0, stopped + HEARTBEAT_TTL + 1 - time.monotonic()))
    return Fault(f"worker, {how} at expanded", steps, in_batches=0.8, envelopes=1.0)


def at_the_model(client, worker):
    """The requests that it calls the model for."""
    names = client.zrange(key("due"), 0, -1)
    pipe = client.pipeline(transaction=False)
    for name in names:
        pipe.hmget(key(f"request:{name}"), "owner", "calling")
    return [name for name, (owner, calling) in zip(names, pipe.execute())
            if owner == worker.name and calling]


def loaded(arena, worker, count):
    """Waits until it calls the model for so many and some more, which may be answered before it stops;
    a pause would keep it from that."""
    arena.hands.hold()
    wait_until(lambda: len(at_the_model(arena.fleet.redis, worker)) >= count + 2,
               f"{worker.name} at its work")


def handing_back(how):
    """A worker that is told to stop has handed back what is at the model, and stops before it has settled
    the call."""
    def steps(arena):
        victim = arena.fleet.worker(DRAIN_TIMEOUT="0", FAULT_AT=f"released={how}")
        arena.watched()
        yield
        loaded(arena, victim, 2)
        victim.send_signal(signal.SIGTERM)
        arena.until_stopped(victim, "released")
        arena.rescue(victim)
        if how == "freeze":
            arena.wake(victim)
    return Fault(f"worker, {how} at released", steps)


def taking_back(point, how):
    """A supervisor stops while it takes back what somebody does not want any more."""
    def steps(arena):
        faulty, _ = lead(arena, f"{point}={how}")
        yield
        arena.until_stopped(faulty, point)
        if how == "freeze":
            arena.wake(faulty, LEASE)
    return Fault(f"supervisor, {how} at {point}", steps, in_batches=0.6, cancels=0.3,
                 batch_cancels=0.9)


def paused():
    """Nothing starts in a paused partition, neither in a worker that is started meanwhile."""
    def steps(arena):
        victim = arena.fleet.worker()
        arena.watched()
        yield
        arena.sleep(0.4, 0.8)
        arena.hands.held.set()
        arena.hands.steer("pause")
        # What was read before each worker knew has begun by then.
        time.sleep(2.5)
        admitted = arena.fleet.redis.hget(key("counters"), "admitted")
        arena.stop(victim, signal.SIGKILL)
        arena.fleet.worker()
        time.sleep(1.5)
        now = arena.fleet.redis.hget(key("counters"), "admitted")
        arena.hands.steer("resume")
        assert admitted == now, f"{now} admitted while paused, {admitted} before"
    return Fault("partition paused, worker killed", steps, seconds=3.0)


def lead(arena, fault, **variables):
    """A supervisor with this fault that leads, and one that stands by."""
    arena.fleet.end(*arena.fleet.living(arena.fleet.supervisors))
    faulty = arena.fleet.supervisor(FAULT_AT=fault, **variables)
    wait_until(lambda: has_stopped(faulty) or arena.fleet.holder() == faulty.name, "a leader")
    return faulty, arena.fleet.supervisor(**variables)


def supervisor_at(point, how):
    """A supervisor stops while it takes back what a dead worker left."""
    def steps(arena):
        late = point in ("leased", "begun", "measured", "ended")
        count = arena.dice.randrange(3, 7) if late else 1
        if point in ("requeued", "settled"):
            count = arena.few()
        faulty, _ = lead(arena, f"{point}={how}@{count}")
        victim = arena.fleet.worker()
        yield
        arena.sleep(0.4, 1.2)
        loaded(arena, victim, 1 if late else count)
        arena.stop(victim, signal.SIGKILL)
        arena.until_stopped(faulty, point)
        if how == "freeze":
            arena.wake(faulty, LEASE)
    return Fault(f"supervisor, {how} at {point}", steps)


def burying(how):
    """A supervisor stops while it ends what may not be tried again."""
    def steps(arena):
        count = arena.few()
        faulty, standby = lead(arena, f"buried={how}@{count}", MAX_ATTEMPTS="1")
        victim = arena.fleet.worker()
        yield
        arena.sleep(0.4, 1.2)
        loaded(arena, victim, count)
        arena.stop(victim, signal.SIGKILL)
        arena.until_stopped(faulty, "buried")
        if how == "freeze":
            arena.wake(faulty, LEASE)
        # What it had is ended by the other, which may not try again either.
        wait_until(lambda: not arena.fleet.redis.xpending_range(
            key("requests:normal"), GROUP, "-", "+", 1, victim.name), "all taken")
        time.sleep(1.5)
        arena.fleet.end(standby)
    return Fault(f"supervisor, {how} at buried", steps)


def unread(point, how):
    """No worker lives; a supervisor stops while it answers in their place."""
    def steps(arena):
        count = arena.few()
        faulty, _ = lead(arena, f"{point}={how}@{count}")
        yield
        time.sleep(0.6)
        victims = arena.fleet.living(arena.fleet.workers)
        loaded(arena, victims[0], count)
        for victim in victims:
            arena.stop(victim, signal.SIGKILL)
        arena.until_stopped(faulty, point)
        if how == "freeze":
            arena.wake(faulty, LEASE)
        arena.fleet.keep(arena.WORKERS)
    return Fault(f"supervisor, {how} at {point}", steps, deadline_s=2.0, seconds=1.2)


def lease_lost(how):
    """A supervisor sleeps through its lease, and stops in the moment that it learns so."""
    def steps(arena):
        faulty, standby = lead(arena, f"lease_lost={how}")
        victim = arena.fleet.worker()
        yield
        faulty.send_signal(signal.SIGSTOP)
        arena.sleep(0.2, 0.6)
        arena.stop(victim, signal.SIGKILL)
        wait_until(lambda: arena.fleet.holder() == standby.name, "the other leads")
        faulty.send_signal(signal.SIGCONT)
        time.sleep(0.05)
        arena.until_stopped(faulty, "lease_lost")
        if how == "freeze":
            arena.wake(faulty)
    return Fault(f"supervisor, {how} at lease_lost", steps)


def workers_at_random(how):
    def steps(arena):
        yield
        for _ in range(3):
            arena.sleep(0.2, 0.8)
            victim = arena.dice.choice(arena.fleet.living(arena.fleet.workers))
            if how == "kill":
                arena.stop(victim, signal.SIGKILL)
                arena.fleet.keep(arena.WORKERS)
            else:
                arena.stop(victim, signal.SIGSTOP)
                arena.wake(victim, HEARTBEAT_TTL + arena.dice.uniform(0.5, 1.5))
                arena.fleet.keep(arena.WORKERS)
    return Fault(f"workers, {how} at random", steps, seconds=3.0)


def supervisors_at_random():
    def steps(arena):
        yield
        for _ in range(3):
            arena.sleep(0.2, 0.8)
            arena.stop(arena.dice.choice(arena.fleet.living(arena.fleet.workers)), signal.SIGKILL)
            arena.stop(arena.dice.choice(arena.fleet.living(arena.fleet.supervisors)),
                       arena.dice.choice((signal.SIGKILL, signal.SIGSTOP)))
            arena.sleep(1.5, 3)
            for one in arena.fleet.living(arena.fleet.supervisors):
                one.send_signal(signal.SIGCONT)
            arena.fleet.keep(arena.WORKERS)
    return Fault("both, at random", steps, seconds=4.0)


def redis_killed():
    def steps(arena):
        yield
        for _ in range(2):
            arena.sleep(0.3, 1.0)
            arena.fleet.restart_redis(away=arena.dice.uniform(0.2, 1.5))
            arena.tally.kills += 1
    return Fault("Redis, kill and restart", steps)


def memory_full():
    def steps(arena):
        yield
        arena.sleep(0.3, 0.7)
        client = arena.fleet.redis
        client.config_set("maxmemory", client.info("memory")["used_memory"] - 1_000)
        arena.sleep(2.0, 3.0)
        client.config_set("maxmemory", 0)
        arena.tally.kills += 1
    return Fault("Redis, memory full", steps)


def group_destroyed():
    def steps(arena):
        yield
        for _ in range(3):
            arena.sleep(0.2, 0.7)
            for queue in QUEUES:
                arena.fleet.redis.xgroup_destroy(key(f"requests:{queue}"), GROUP)
            arena.tally.kills += 1
    return Fault("Redis, group destroyed", steps, seconds=3.0)


def connections_cut():
    def steps(arena):
        client = arena.fleet.client()
        yield
        end = time.monotonic() + 3
        while time.monotonic() < end:
            arena.sleep(0.02, 0.1)
            names = [one for one in client.client_list() if one["name"].startswith("strategy-")]
            if names:
                arena.tally.kills += cut(client, arena.dice.choice(names)["id"])
    return Fault("Redis, connections cut", steps, seconds=3.0)


def cut(client, number):
    try:
        return client.client_kill_filter(_id=number)
    except OUTAGES:
        return 0


def fleet_budget():
    """The fleet's hour has room for a part of the load, and a worker is killed at it."""
    def steps(arena):
        fleet = arena.fleet
        fleet.end(*fleet.living(fleet.workers))
        cost = fleet.redis.hgetall("strategy:{global}:cost")
        used = sum(int(cost.get(name, 0)) for name in ("settled_nanousd", "reserved_nanousd"))
        limit = f"{(used + 2 * 10**9) / 10**9:.9f}"
        for _ in range(arena.WORKERS):
            fleet.worker(COST_PER_HOUR_LIMIT=limit)
        victim = fleet.worker(COST_PER_HOUR_LIMIT=limit)
        arena.watched()
        yield
        arena.sleep(0.5, 1.0)
        arena.stop(victim, signal.SIGKILL)
        arena.rescue(victim)
        # Who waits for the others' reservations must not find a larger budget.
        wait_until(lambda: not fleet.redis.zcard(key("due")), "all ended")
        fleet.end(*fleet.living(fleet.workers))
    return Fault("fleet's budget, worker killed", steps, deadline_s=8.0)


def sweeping():
    """A supervisor dies before it settles what it has taken back; those that find what is left, long
    after, stop at it."""
    def steps(arena):
        fleet = arena.fleet
        fleet.end(*fleet.living(fleet.supervisors))
        dying = fleet.supervisor(FAULT_AT="requeued=kill")
        victim = fleet.worker()
        arena.watched()
        yield
        arena.sleep(0.6, 1.0)
        loaded(arena, victim, 2)
        arena.stop(victim, signal.SIGKILL)
        arena.until_stopped(dying, "requeued")
        killed = fleet.supervisor(FAULT_AT="swept=kill")
        wait_until(lambda: fleet.holder() == killed.name, "another leads")
        frozen = fleet.supervisor(FAULT_AT="swept=freeze")
        end = time.monotonic() + SWEPT
        for process in (killed, frozen):
            while not has_stopped(process):
                assert time.monotonic() < end, f"{process.name} did not get to swept"
                time.sleep(0.05)
            arena.tally.kills += 1
        fleet.keep(arena.WORKERS)
        arena.wake(frozen, LEASE)
    return Fault("supervisor, both at swept", steps, deadline_s=2.0)


def all_faults():
    """Each once, in the order of the table."""
    return [
        *(worker_at(point, how) for point in WORKER_POINTS for how in HOWS),
        *(expanding(how) for how in HOWS), *(handing_back(how) for how in HOWS),
        *(workers_at_random(how) for how in HOWS),
        *(supervisor_at(point, how) for point in SUPERVISOR_POINTS for how in HOWS),
        *(burying(how) for how in HOWS), *(lease_lost(how) for how in HOWS),
        *(unread(point, how) for point in ("abandoned", "expired") for how in HOWS),
        *(taking_back(point, how) for point in ("cancelled", "batch_cancelled") for how in HOWS),
        paused(), supervisors_at_random(), redis_killed(), memory_full(), group_destroyed(),
        connections_cut(), fleet_budget(), sweeping(),
    ]
