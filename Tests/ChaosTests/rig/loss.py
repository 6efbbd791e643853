"""Redis itself loses what it had answered: what the contract's re-push mends, and what it may not do."""
import shutil
import time

from rig.arena import PATIENCE, Arena
from rig.fleet import EVERY_SECOND, OUTAGES
from rig.load import Pusher, await_answers, read_replies

DEADLINE = 4.0
# The contract: nothing by then, push the same entry again.
REPUSH_AFTER = 5.0


class LossArena(Arena):
    """A Redis that writes its log every second, and then comes back from an older state of it."""

    def __init__(self, seed, name="loss"):
        super().__init__(seed, name, EVERY_SECOND)

    def older_state(self, count):
        """The log of a moment under load is what Redis finds when it is killed a second later."""
        log = self.fleet.server.folder / "appendonlydir"
        kept = self.fleet.server.folder / "older"

        def lose():
            shutil.rmtree(log)
            kept.rename(log)

        def act(requests):
            time.sleep(0.9)
            read_replies(self.fleet.redis, requests)
            answered = [one for one in requests if one.terminals()]
            # What is answered by now has left the buffers two seconds later, whatever the disk does.
            time.sleep(2.2)
            shutil.copytree(log, kept)
            time.sleep(0.8)
            self.fleet.restart_redis(away=0.3, between=lose)
            return answered
        self.round("Redis, back from an older state", count, act, survives=True)

    def flushed(self, count):
        """Everything is gone, the groups and the lease too."""
        def act(_):
            time.sleep(1.0)
            self.fleet.redis.flushall()
            self.load.write_profiles()
            return []
        self.round("Redis, flushed", count, act, survives=False)

    def round(self, name, count, act, survives):
        self.tally, began = self.tallies[name], time.monotonic()
        self.fleet.keep(self.WORKERS)
        requests = self.load.make(count, DEADLINE)
        pusher = Pusher(self.fleet, requests, 4.5 if survives else 2.0)
        pusher.start()
        known = act(requests)
        pusher.join(PATIENCE)
        pusher.stop()
        kept = {one.id: one.events for one in known}
        lost = self.push_again(requests)
        wrong = [f"{one.id}: no answer after the re-push" for one in lost]
        wrong += self.after(requests, kept)
        self.tally.rounds += 1
        self.tally.requests += count
        self.tally.kills += 1
        self.tally.retaken += sum(one.adds > 1 for one in requests)
        self.tell(name, wrong, f"{count} requests in {time.monotonic() - began:.1f} s, "
                  f"{sum(one.adds > 1 for one in requests)} pushed again")

    def push_again(self, requests):
        """As an orchestrator does. Those that have no answer even then."""
        left = await_answers(self.fleet, requests, DEADLINE + REPUSH_AFTER)
        again = Pusher(self.fleet, left, 1.0)
        again.start()
        again.join(PATIENCE)
        again.stop()
        return await_answers(self.fleet, left, DEADLINE + PATIENCE)

    def after(self, requests, kept):
        """One terminal event each; what had been answered and survived is what it was."""
        self.checker.rest()
        before = {one.id: one.events for one in requests}
        for one in requests:
            one.events = []
        while True:
            try:
                read_replies(self.fleet.redis, requests)
                break
            except OUTAGES:
                time.sleep(0.1)
        wrong = []
        for one in requests:
            ends = one.terminals()
            # Answered before the loss, its stream may have gone with it; then the caller has it.
            if len(ends) != 1 and (ends or not before[one.id]):
                wrong.append(f"{one.id}: {len(ends)} terminal events")
            if one.id in kept and one.events != kept[one.id]:
                wrong.append(f"{one.id}: answered again though its record survived")
        return wrong + self.checker.drift()
