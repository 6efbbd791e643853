"""Looks at the budgets while everything runs: what is settled and reserved is never above a limit."""
import threading
import time

import redis

from rig.fleet import OUTAGES, fleet_key, key

# One script, so that a hash is seen as it was at one instant.
LOOK = """
local found = {}
for index, name in ipairs(KEYS) do
    if index > 1 then
        local cost = redis.call('HMGET', name, 'settled_nanousd', 'reserved_nanousd',
            'limit_nanousd')
        if cost[3] then
            found[#found + 1] = { name, cost[1] or '0', cost[2] or '0', cost[3] }
        end
    end
end
return { found, redis.call('HGETALL', KEYS[1]) }
"""


class Sampler(threading.Thread):
    """Every `interval` seconds; `over` is every moment at which a limit was exceeded."""

    def __init__(self, fleet, users, interval=0.025):
        super().__init__(daemon=True)
        self.fleet, self.interval = fleet, interval
        self.keys = [fleet_key("reservations"), fleet_key("cost"),
                     *(key(f"user:{user}:cost") for user in users)]
        self.samples, self.over, self.fullest = 0, [], {}
        # What was reserved by the fleet for each call: the most that it may be charged.
        self.reserved = {}
        # The longest that Redis, or this machine, let it wait for an answer, s.
        self.stall = 0.0
        self.stopped = threading.Event()

    def run(self):
        client, last = self.fleet.client(), time.monotonic()
        while not self.stopped.wait(self.interval):
            try:
                costs, reservations = client.eval(LOOK, len(self.keys), *self.keys)
            except (*OUTAGES, redis.ResponseError):
                time.sleep(0.05)
                continue
            self.samples += 1
            now = time.monotonic()
            self.stall, last = max(self.stall, now - last), now
            for name, *amounts in costs:
                self.look(name, *map(int, amounts))
            for name, held in zip(reservations[::2], reservations[1::2]):
                self.reserved[name] = int(held.split(":")[0])

    def look(self, name, settled, reserved, limit):
        if settled + reserved > limit:
            self.over.append(f"{name}: {settled} settled and {reserved} reserved of {limit}")
        if reserved < 0 or settled < 0:
            self.over.append(f"{name}: {settled} settled, {reserved} reserved")
        share = (settled + reserved) / limit if limit else 1
        self.fullest[name] = max(share, self.fullest.get(name, 0))

    def stop(self):
        self.stopped.set()
        self.join()
