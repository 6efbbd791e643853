#!/usr/bin/env python3
"""Breaks a fleet of real processes at every fault point and at random, and checks what became of each
request.

CHAOS_SEED repeats a run, CHAOS_REQUESTS is how many requests it has in all, CHAOS_FAULTS runs only the
faults whose names match that expression.
"""
import os
import random
import re
import signal
import sys
import time
from collections import Counter

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import rig  # noqa: F401

from rig.arena import Arena, table
from rig.faults import all_faults
from rig.loss import LossArena

SEED = int(os.environ.get("CHAOS_SEED") or random.randrange(10**9))
REQUESTS = int(os.environ.get("CHAOS_REQUESTS") or 20_000)
CHOSEN = re.compile(os.environ.get("CHAOS_FAULTS") or "")
# Deadline and margin, after which a reservation is swept that its owner could not settle.
SWEPT = 120


def main():
    began = time.monotonic()
    print(f"CHAOS_SEED={SEED} CHAOS_REQUESTS={REQUESTS}", flush=True)
    faults = [fault for fault in all_faults() if CHOSEN.search(fault.name)]
    losses = [name for name in ("older_state", "flushed") if CHOSEN.search(f"Redis, {name}")]
    count = -(-REQUESTS // max(1, len(faults) + len(losses)))
    arenas, sums = [], {}
    if faults:
        with Arena(SEED, "chaos") as arena:
            arenas.append(arena)
            for fault in faults:
                arena.run(fault, count)
            arena.fleet.keep(arena.WORKERS)
            arena.leaks(SWEPT)
            sums = arena.checker.sums()
    if losses:
        with LossArena(SEED) as arena:
            arenas.append(arena)
            for name in losses:
                getattr(arena, name)(count)
            arena.leaks(SWEPT)
    print("\n" + table(arenas))
    print(f"\nlooked at every budget {sum(one.sampler.samples for one in arenas)} times; the fullest "
          f"user's had {fullest(arenas):.1%}")
    steered = sum((arena.steered for arena in arenas), Counter())
    print(f"taken back {steered['request_id']} requests and {steered['batch_id']} batches, paused "
          f"{steered['pause']} times; {steered['batches complete']} batches complete, each as its members")
    stalled = sum(tally.stalled for arena in arenas for tally in arena.tallies.values())
    if stalled:
        print(f"in {stalled} rounds Redis let all wait for longer than a second: there the time until "
              "requests ran again is not judged")
    for name, amount in sums.items():
        print(f"  {name:<14}{amount / 10**9:>14.9f} USD")
    wrong = [sentence for arena in arenas for sentence in arena.told]
    print(f"\n{len(wrong)} violations in {time.monotonic() - began:.0f} s; CHAOS_SEED={SEED}")
    sys.exit(1 if wrong else 0)


def fullest(arenas):
    return max(share for arena in arenas for share in arena.sampler.fullest.values())


def stop(*_):
    raise SystemExit(130)


for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, stop)
if __name__ == "__main__":
    main()
