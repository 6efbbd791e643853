#!/usr/bin/env python3
"""A short run of `make chaos`: each kind of fault once, at points that CHAOS_SEED chooses."""
import os
import random
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import rig  # noqa: F401
from support.checks import check, run

from rig import faults
from rig.arena import Arena
from rig.loss import LossArena

SEED = int(os.environ.get("CHAOS_SEED") or random.randrange(10**9))
# So many that each worker has some at the model when a fault wants them there.
REQUESTS = 160
# What supervisors clear away of the dead, by when; reservations are swept a minute after.
CLEARED = 15


def without_violations(arena):
    assert arena.told == [], f"CHAOS_SEED={SEED}: {arena.told[:5]}"


@check("whatever worker, supervisor or Redis stops: one answer a request, and the books are right")
def broken():
    dice = random.Random(SEED)
    points = dice.sample(faults.WORKER_POINTS, 3)
    chosen = [
        faults.worker_at(points[0], "kill"), faults.worker_at(points[1], "kill"),
        faults.worker_at(points[2], "freeze"),
        faults.supervisor_at(dice.choice(("found", "requeued", "settled")), "kill"),
        # Handing back wants a worker with more at the model than so few bring: handing_back_tests.py.
        faults.expanding("kill"),
        # Of so few batches each may have ended before it is taken back; `make chaos` has more.
        faults.taking_back("cancelled", "kill"),
        faults.redis_killed(), faults.memory_full(), faults.group_destroyed(),
        faults.connections_cut(),
    ]
    with Arena(SEED, "short") as arena:
        for fault in chosen:
            arena.run(fault, REQUESTS)
        arena.leaks(CLEARED, with_reservations=False)
        without_violations(arena)


@check("what Redis itself loses is answered once when it is pushed again")
def lost():
    with LossArena(SEED) as arena:
        arena.older_state(REQUESTS)
        without_violations(arena)


print(f"CHAOS_SEED={SEED}")
run()
