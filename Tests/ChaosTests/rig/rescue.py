"""How long after a worker's last sign of life has expired its requests run again."""
import time

from rig.fleet import GROUP, HEARTBEAT_TTL, OUTAGES, QUEUES, key

# What is promised.
SECONDS_MAX = 3.0
PATIENCE = 20


def held_by(client, consumer):
    """The ids of the requests that a consumer has and has not ended."""
    names = []
    for queue in QUEUES:
        stream = key(f"requests:{queue}")
        for row in client.xpending_range(stream, GROUP, "-", "+", 1000, consumer):
            entry = client.xrange(stream, row["message_id"], row["message_id"])
            if entry and "request_id" in entry[0][1]:
                names.append(entry[0][1]["request_id"])
    return names


class Rescue:
    """Made when the worker has just stopped; `seconds` waits for the last of its requests."""

    def __init__(self, fleet, victim):
        self.client, self.victim = fleet.client(), victim.name
        self.held = held_by(self.client, self.victim)

    def seconds(self):
        """None where it held nothing."""
        if not self.held:
            return None
        end = time.monotonic() + HEARTBEAT_TTL + PATIENCE
        sign = key(f"worker:{self.victim}")
        while self.client.exists(sign):
            assert time.monotonic() < end, f"{self.victim} shows signs of life"
            time.sleep(0.005)
        expired, left = time.monotonic(), self.held
        while left:
            left = [name for name in left if not self.runs(name)]
            if time.monotonic() > end:
                return float("inf")
            time.sleep(0.01)
        return time.monotonic() - expired

    def runs(self, name):
        try:
            state, owner = self.client.hmget(key(f"request:{name}"), "state", "owner")
        except OUTAGES:
            return False
        return state == "ended" or state in ("running", "parked") and owner != self.victim
