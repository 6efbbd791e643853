#!/usr/bin/env python3
"""What becomes of requests while the model's API fails, way by way: a table.

Each scenario has a Redis, a simulator, where it needs one a second, and a worker of its own. Requests come
evenly; the failure holds for SCENARIO_SECONDS (12), after a second in which all is well.
SCENARIOS=a,b runs those alone. Exits with 1 when a request is not answered, or a way is called more than
1.1 times a request.
"""
import json
import os
import socketserver
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import rig  # noqa: F401: finds `support`
from support.stack import Stack, fetch, program

SECONDS = float(os.environ.get("SCENARIO_SECONDS", "12"))
RATE = 25
DEADLINE_MS = 4000
CALLS_MAX = 1.1
PAYLOAD = json.dumps({
    "user_id": "user123", "user_intent": "income", "market_context": {
        "symbol": "SPY", "current_price": 450, "vix": 18.5, "trend": "bullish"},
    "risk_preferences": {"risk_tolerance": "medium", "max_loss": 1000}})


def error(status, code=None, **others):
    return {"mode": "error", "status": status, **({"code": code} if code else {}), **others}


FIRST = {"model": "gpt-4-turbo-preview"}
# name: (behaviours of the first simulator, variables of the worker, others)
SCENARIOS = {
    "all is well": ([], {}, {}),
    "outage, every model: 500": ([error(500)], {}, {}),
    "outage, first model alone": ([error(500, **FIRST)], {}, {}),
    "outage, no fallback": ([error(500)], {"OPENAI_FALLBACK_MODELS": "none"}, {}),
    "outage, a second endpoint": ([error(500)], {}, {"second": True}),
    "overloaded: 503": ([error(503, "server_is_overloaded", **FIRST)], {}, {}),
    "brown-out: a third fails": ([error(500, share=0.33)], {}, {}),
    "brown-out: slow, 3 s": ([{"mode": "slow", "latency_ms": "3000,6000", **FIRST}], {}, {}),
    "429 storm, Retry-After 20": ([error(429, retry_after=20, **FIRST)], {}, {}),
    "429 storm, no Retry-After": ([error(429, message="Rate limit reached", **FIRST)], {}, {}),
    "429 storm, retry-after-ms 300": ([error(429, retry_after_ms=300, **FIRST)], {}, {}),
    "429, try again in 7.5s": (
        [error(429, message="Rate limit reached. Please try again in 7.5s.", **FIRST)], {}, {}),
    "429 half of the time": ([error(429, share=0.5, retry_after_ms=100)], {}, {}),
    "slow_down": ([error(429, "slow_down", **FIRST)], {}, {}),
    "request too large": ([error(429, message="Request too large for gpt-4", **FIRST)], {}, {}),
    "quota exhausted": ([error(429, "insufficient_quota")], {}, {}),
    "quota exhausted, second endpoint": ([error(429, "insufficient_quota")], {}, {"second": True}),
    "key refused: 401": ([error(401, "invalid_api_key")], {}, {}),
    "region forbidden: 403": ([error(403)], {}, {"second": True}),
    "dead model: 404": ([error(404, "model_not_found", **FIRST)], {}, {}),
    "bad request: 400": ([error(400, "invalid_value", **FIRST)], {}, {}),
    "prose in place of JSON": ([{"mode": "prose", **FIRST}], {}, {}),
    "prose, every model": ([{"mode": "prose"}], {}, {}),
    "malformed: cut JSON": ([{"mode": "malformed"}], {}, {}),
    "fenced JSON": ([{"mode": "fenced"}], {}, {}),
    "refusals": ([{"mode": "refusal"}], {}, {}),
    "content filter": ([{"mode": "content_filter", "tokens": 1}], {}, {}),
    "length": ([{"mode": "length", "tokens": 2, **FIRST}], {}, {}),
    "no usage": ([{"mode": "no_usage"}], {}, {}),
    "HTML with status 200": ([{"mode": "html", **FIRST}], {}, {}),
    "wrong content type": ([{"mode": "wrong_type"}], {}, {}),
    "reset before the answer": ([{"mode": "reset", **FIRST}], {}, {}),
    "reset in mid-body": ([{"mode": "reset_midway", **FIRST}], {}, {}),
    "answer ends too soon": ([{"mode": "truncate", **FIRST}], {}, {}),
    "stall": ([{"mode": "stall", **FIRST}], {}, {}),
    "stall, beside another endpoint": (
        [{"mode": "stall"}], {"HEDGE_AFTER_MS": "500", "HEDGE_BUDGET": "1"}, {"second": True}),
    "slow drip, 10 s": ([{"mode": "drip", "latency_ms": 10_000, **FIRST}], {}, {}),
    "DNS gone": ([], {"OPENAI_BASE_URL": "http://no-such-host.invalid/v1"}, {}),
    "DNS gone, second endpoint": (
        [], {"OPENAI_BASE_URL": "http://no-such-host.invalid/v1"}, {"second": True}),
    "port closed": ([], {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}, {}),
    "TLS expired": ([], {}, {"tls": True}),
    "obeys injections": ([{"mode": "obeys_injection"}], {}, {}),
}


class Scene(Stack):
    """A stack whose worker starts once all that it asks is there."""

    def __init__(self, variables, second=False, tls=False):
        super().__init__()
        self.variables, self.second, self.tls = dict(variables), second, tls

    def start_worker(self, name="worker", **_):
        others = {"LOG_LEVEL": "error", "MAX_CONCURRENT_REQUESTS": "500", **self.variables}
        if self.second:
            port_file = self.folder / "second.port"
            process = self.spawn("second", [
                program("openai-simulator"), "--port", "0", "--port-file", str(port_file)],
                SIMULATOR_LATENCY_MS="150,600")
            port = self._port(port_file, process, "second")
            others["OPENAI_ENDPOINTS"] = json.dumps([
                {"name": "second", "base_url": f"http://127.0.0.1:{port}", "api_key": "sk-sim-2"}])
        if self.tls:
            others["OPENAI_BASE_URL"] = f"https://127.0.0.1:{expired(self.folder)}/v1"
        return super().start_worker(name, **others)

    def spawn(self, name, arguments, **variables):
        if name == "simulator":
            variables["SIMULATOR_LATENCY_MS"] = "150,600"
        return super().spawn(name, arguments, **variables)


def expired(folder):
    """A server whose certificate has run out; its port."""
    key, cert, asked = folder / "expired.key", folder / "expired.pem", folder / "expired.csr"
    for arguments in (
            ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
             key, "-out", asked, "-subj", "/CN=127.0.0.1"],
            ["x509", "-req", "-in", asked, "-signkey", key, "-days", "-1", "-out", cert]):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def get_request(self):
            raw, address = self.socket.accept()
            return context.wrap_socket(raw, server_side=True), address

        def handle_error(self, *_):
            pass

    server = Server(("127.0.0.1", 0), socketserver.BaseRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def run(name, behaviours, variables, others):
    with Scene(variables, **others) as scene:
        redis = scene.redis
        ids, warm = {}, 1.0
        total, began = int((SECONDS + warm) * RATE), time.monotonic()
        for number in range(total):
            pause = began + number / RATE - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            if number == int(warm * RATE) and behaviours:
                scene.misbehave(*behaviours)
            request = f"s{number}"
            ids[request] = redis.xadd("strategy:{0}:requests:normal", {
                "request_id": request, "payload": PAYLOAD, "deadline_ms": str(DEADLINE_MS)})
        end = time.monotonic() + DEADLINE_MS / 1000 + 10
        answers = {}
        while len(answers) < total and time.monotonic() < end:
            for request in ids.keys() - answers.keys():
                found = redis.xrange(f"strategy:{{0}}:reply:{request}")
                if found:
                    answers[request] = found[-1]
            time.sleep(0.1)
        rows = [json.loads(row["facts"]) for _, row in redis.xrange("strategy:{0}:ledger")
                if row.get("terminal") == "1"]
        return measure(name, ids, answers, rows)


def stamp(id):
    return int(id.split("-")[0])


def measure(name, ids, answers, rows):
    ways, extra, wasted = Counter(), Counter(), 0
    for calls in rows:
        for call in calls:
            extra[call["kind"]] += 1
            if call["kind"] not in ("failover", "hedge"):
                ways[call["endpoint"], call["asked_model"]] += 1
    sources, valid, took = Counter(), 0, []
    for request, (id, fields) in answers.items():
        payload = json.loads(fields["payload"])
        took.append(stamp(id) - stamp(ids[request]))
        is_valid = fields["event"] == "result" and (
            payload["decision"] == "no_trade" or payload["strategy"]["max_loss_usd"] is not None)
        valid += is_valid
        sources[payload.get("source", fields["event"])] += 1
    for calls in rows:
        costs = [call["cost_nanousd"] for call in calls]
        won = any("model" in call for call in calls[-1:])
        wasted += sum(costs[:-1]) + (0 if won or not costs else costs[-1])
    took.sort()
    count = len(ids)
    return {
        "scenario": name, "requests": count, "unanswered": count - len(answers),
        "valid": 100 * valid / count, "model": 100 * sources["model"] / count,
        "p95": took[int(0.95 * len(took))] if took else None,
        "same": max(ways.values(), default=0) / count,
        "elsewhere": (extra["failover"] + extra["hedge"]) / count,
        "wasted": wasted / 1e9,
    }


def main():
    chosen = os.environ.get("SCENARIOS")
    names = [name for name in SCENARIOS if not chosen or name in chosen.split(",")]
    assert names, "no such scenario: " + ", ".join(SCENARIOS)
    print("| scenario | requests | valid % | by a model % | p95 ms | calls a request, same way "
          "| elsewhere | wasted $ |\n| --- | --: | --: | --: | --: | --: | --: | --: |")
    wrong, results = [], []
    for name in names:
        one = run(name, *SCENARIOS[name])
        results.append(one)
        print(f"| {name} | {one['requests']} | {one['valid']:.1f} | {one['model']:.1f} | {one['p95']} "
              f"| {one['same']:.2f} | {one['elsewhere']:.2f} | {one['wasted']:.3f} |", flush=True)
        if one["unanswered"]:
            wrong.append(f"{name}: {one['unanswered']} requests without an answer")
        if one["same"] > CALLS_MAX:
            wrong.append(f"{name}: {one['same']:.2f} calls a request by one way")
    for sentence in wrong:
        print("WRONG " + sentence, file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
