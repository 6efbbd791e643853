"""Rounds: a load runs while something is broken; then all must be answered and the books be right."""
import random
import signal
import subprocess
import time
from collections import Counter, defaultdict
from dataclasses import dataclass

import redis
from support.checks import wait_until

from rig.batches import Hands
from rig.fleet import HEARTBEAT_TTL, OUTAGES, Fleet, has_stopped, is_frozen, key
from rig.history import Checker
from rig.load import Load, Pusher, await_answers
from rig.rescue import SECONDS_MAX, Rescue
from rig.sampler import Sampler

PATIENCE = 30
HOLDING_OFF = "strategy_supervisor_holding_off"
# A supervisor that asks every second has heard nothing for HEARTBEAT_TTL - 1 then.
STALL = HEARTBEAT_TTL - 2.0


@dataclass
class Tally:
    """One line of the table."""
    rounds: int = 0
    requests: int = 0
    kills: int = 0
    retaken: int = 0
    violations: int = 0
    rescue: float = 0.0
    # Rounds whose `rescue` says nothing, since Redis itself did not answer for a while.
    stalled: int = 0


class Arena:
    """One fleet, its load and who watches it, for as many rounds as are run in it."""

    WORKERS = 2

    def __init__(self, seed, name, persistence=None):
        self.dice, self.name = random.Random(f"{seed} {name}"), name
        self.fleet = Fleet(
            **({"persistence": persistence} if persistence else {}),
            simulator={"SIMULATOR_LATENCY_MS": "200,900", "SIMULATOR_SEED": str(seed)})
        self.tallies, self.told = defaultdict(Tally), []
        # How often what was asked for, and how batches ended.
        self.steered = Counter()

    def __enter__(self):
        self.fleet.__enter__()
        try:
            self.fleet.start_fleet(self.WORKERS)
            self.load = Load(self.fleet, self.dice, self.name)
            self.sampler = Sampler(self.fleet, [*self.load.users, *self.load.tight])
            self.checker = Checker(self.fleet, self.load, self.sampler)
            self.sampler.start()
        except BaseException:
            self.fleet.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.sampler.stop()
        self.fleet.__exit__()

    def run(self, fault, count):
        """One round of a fault: what it does before its `yield` is done before the load begins."""
        tally, began = self.tallies[fault.name], time.monotonic()
        self.tally, self.count = tally, count
        self.rescued, self.sampler.stall = 0.0, 0.0
        self.fleet.keep(self.WORKERS)
        before = self.requeued()
        steps, wrong = fault.steps(self), []
        next(steps)
        wave = self.load.wave(count, fault.deadline_s, fault.in_batches, fault.envelopes)
        pusher = Pusher(self.fleet, wave.pushed, fault.seconds, repeats=0.05, dice=self.dice)
        self.hands = Hands(self.fleet, wave, self.dice, fault.seconds, fault.cancels,
                           fault.batch_cancels)
        pusher.start()
        self.hands.start()
        try:
            for _ in steps:
                pass
        except (AssertionError, OSError, subprocess.TimeoutExpired, redis.RedisError) as error:
            wrong.append(f"{type(error).__name__}: {error}")
        finally:
            pusher.join(PATIENCE)
            pusher.stop()
        wrong += self.conclude(wave, fault.deadline_s or 25)
        tally.rounds += 1
        tally.requests += count
        tally.retaken += max(self.requeued() - before, 0)
        wrong += self.in_time()
        self.tell(fault.name, wrong, f"{count} requests in {time.monotonic() - began:.1f} s")

    def conclude(self, wave, deadline_s):
        self.fleet.keep(self.WORKERS)
        self.hands.finish()
        late = await_answers(self.fleet, wave.pushed, deadline_s + PATIENCE)
        self.steered += self.hands.done
        wrong = self.checker.round(wave.everyone(), wave.batches)
        self.steered["batches complete"] += sum(batch.is_expanded() for batch in wave.batches)
        return [f"{one.id}: no answer" for one in late] + wrong

    def tell(self, name, wrong, facts):
        over, self.sampler.over = self.sampler.over, []
        wrong = [*wrong, *over]
        self.tallies[name].violations += len(wrong)
        print(f"{name}: {facts}" + (f", {len(wrong)} WRONG" if wrong else ""), flush=True)
        for sentence in wrong[:10]:
            print(f"    {sentence}", flush=True)
        self.told += [f"{name}: {sentence}" for sentence in wrong]

    def requeued(self):
        found = self.fleet.redis.hgetall(key("counters"))
        return sum(int(n) for name, n in found.items() if name.startswith("requeued:"))

    # What faults do

    def watched(self):
        """Waits until a supervisor leads that has known this Redis for long enough to take for dead
        who is silent: what is promised of the time after a death begins then."""
        def leads():
            return any(
                self.fleet.holder() == one.name
                and self.fleet.metric(one, HOLDING_OFF) == {HOLDING_OFF: 0}
                for one in self.fleet.living(self.fleet.supervisors))
        wait_until(leads, "a supervisor that takes back")

    def until_stopped(self, process, what):
        end = time.monotonic() + PATIENCE
        while not has_stopped(process):
            assert time.monotonic() < end, f"{process.name} did not get to {what}"
            time.sleep(0.005)
        assert process.returncode in (None, -signal.SIGKILL), f"{process.name} ended before {what}"
        self.tally.kills += 1

    def stop(self, process, how):
        process.send_signal(how)
        self.until_stopped(process, "its end")

    def rescue(self, victim):
        """Waits until what a stopped worker had runs again."""
        rescue = Rescue(self.fleet, victim)
        self.hands.hold()
        self.rescued = rescue.seconds() or 0.0

    def in_time(self):
        """Whether what a dead worker had ran again as soon as is promised. Where Redis did not answer
        for a while, nobody may be taken for dead until it has for `RECLAIM_GRACE`."""
        if self.rescued and self.sampler.stall > STALL:
            print(f"    Redis let all wait for {self.sampler.stall:.1f} s: run again "
                  f"{self.rescued:.2f} s after the expiry, not judged", flush=True)
            self.tally.stalled += 1
            return []
        self.tally.rescue = max(self.tally.rescue, self.rescued)
        late = self.rescued > SECONDS_MAX
        return [f"run again {self.rescued:.2f} s after the expiry"] if late else []

    def wake(self, process, after=0.0):
        """A process that stood still goes on, and then ends in good order."""
        time.sleep(after)
        assert is_frozen(process), f"{process.name} is awake"
        process.send_signal(signal.SIGCONT)
        # Long enough to find out what was taken from it.
        time.sleep(1.2)
        self.fleet.end(process)

    def sleep(self, low, high):
        time.sleep(self.dice.uniform(low, high))

    def few(self):
        """Of a small load a victim may hold one request alone."""
        return self.dice.randrange(1, 2 + self.count // 150)

    def nth(self):
        """How many times a point is passed until the fault: while the load is at its height, and no
        more often than the least busy of the workers is sure to pass it."""
        return self.dice.randrange(max(1, self.count // 40), max(2, self.count // 12))

    # The end

    def leaks(self, seconds, with_reservations=True):
        """Waits until what the dead have left is gone, and tells what is not."""
        end = time.monotonic() + seconds
        while True:
            try:
                wrong = self.checker.left_over(with_reservations)
            except OUTAGES as error:
                wrong = [str(error)]
            if not wrong or time.monotonic() > end:
                break
            time.sleep(1)
        wrong += self.checker.forgotten() + self.checker.drift() + self.measured_drift()
        self.tell("at the end", wrong, "all keys looked at")

    def measured_drift(self):
        """The same law, as the supervisor that leads exports it."""
        leader = self.fleet.holder()
        return [f"{name} {value}" for one in self.fleet.living(self.fleet.supervisors)
                if one.name == leader
                for name, value in self.fleet.metric(one, "strategy_supervisor_drift").items()
                if value]


def table(arenas):
    """The tallies of all arenas as lines of text."""
    head = f"{'fault':<38}{'rounds':>7}{'requests':>10}{'kills':>7}{'retaken':>9}{'wrong':>7}{'again s':>9}"
    lines, total = [head], Tally()
    for arena in arenas:
        for name, one in arena.tallies.items():
            lines.append(row(name, one))
            for part in ("rounds", "requests", "kills", "retaken", "violations"):
                setattr(total, part, getattr(total, part) + getattr(one, part))
            total.rescue = max(total.rescue, one.rescue)
    return "\n".join([*lines, row("all", total)])


def row(name, one):
    again = f"{one.rescue:.2f}" if one.rescue else ""
    return (f"{name:<38}{one.rounds:>7}{one.requests:>10}{one.kills:>7}{one.retaken:>9}"
            f"{one.violations:>7}{again:>9}")
