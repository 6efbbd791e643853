#!/usr/bin/env python3
"""The contract for machines, held against what really crosses the streams; dashboards and rules, held
against what is really exported; the example of an orchestrator, run."""
import http.server
import importlib.util
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "DocumentTests"))
import jsonschema
import referencing
sys.path.insert(0, str(HERE.parent / "ChaosTests"))
from rig.database import Database
from support.checks import Skipped, check, run, wait_until
from support.documents import ROOT
from support.stack import Stack, fetch

CONTRACT = ROOT / "deploy/contract"
TAG = "strategy:{0}"
SCHEMAS = {path.name: json.loads(path.read_text()) for path in (CONTRACT / "schemas").glob("*.json")}
REGISTRY = referencing.Registry().with_resources(
    (name, referencing.Resource.from_contents(schema)) for name, schema in SCHEMAS.items())


def validate(name, value):
    schema = SCHEMAS[f"{name}.schema.json"]
    errors = list(jsonschema.Draft202012Validator(schema, registry=REGISTRY).iter_errors(value))
    assert not errors, f"{name}: {[(list(e.absolute_path), e.message[:300]) for e in errors]}: {value}"


def accepts(name, value):
    schema = SCHEMAS[f"{name}.schema.json"]
    return jsonschema.Draft202012Validator(schema, registry=REGISTRY).is_valid(value)


def body(user="ann", **more):
    return {"user_id": user, "user_intent": "a conservative income strategy",
            "market_context": {"symbol": "SPY", "current_price": 450.0, "vix": 18.5, "trend": "bullish"},
            "portfolio_context": {"positions": [{"symbol": "SPY", "quantity": 100}]},
            "risk_preferences": {"risk_tolerance": "medium", "max_loss": 1000}, "max_cost_usd": 0.5, **more}


class Exchange:
    """A stack, what was sent to it, and what it answered, each held against its schema."""

    def __init__(self, stack):
        self.stack, self.redis, self.seen = stack, stack.redis, set()

    def add(self, request_id, payload, priority="normal", **fields):
        entry = {"request_id": request_id, "payload": json.dumps(payload), **fields}
        validate("entry", entry)
        kind = {"batch": "batch-request", "usage": "usage-request"}.get(fields.get("type"), "generate")
        if kind != "generate" or accepts("generate", payload):
            validate(kind, payload)
        return self.redis.xadd(f"{TAG}:requests:{priority}", entry)

    def events(self, request_id, last, reply="reply", schema=None):
        """All events up to the one of that name; their payloads are held against their own schema."""
        key = f"{TAG}:{reply}:{request_id}"
        wait_until(lambda: any(fields["event"] == last for _, fields in self.redis.xrange(key)),
                   f"{last} of {request_id}")
        events = [fields for _, fields in self.redis.xrange(key)]
        for fields in events:
            validate("event", fields)
            validate(schema or fields["event"], json.loads(fields["payload"]))
            self.seen.add(fields["event"])
        return events


@check("the schemas are schemas, and AsyncAPI's references lead somewhere")
def documents(_):
    for name, schema in SCHEMAS.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["$id"] == name
    document = json.loads((CONTRACT / "asyncapi.json").read_text())
    assert document["asyncapi"].startswith("3.") and document["info"]["version"]
    used = set()

    def walk(value):
        if isinstance(value, dict):
            if "$ref" in value:
                target = value["$ref"]
                if target.startswith("#/"):
                    found = document
                    for part in target[2:].split("/"):
                        found = found[part]
                else:
                    used.add(pathlib.Path(target).name)
                    assert (CONTRACT / target).exists(), target
            for one in value.values():
                walk(one)
        elif isinstance(value, list):
            for one in value:
                walk(one)
    walk(document)
    assert set(SCHEMAS) - used <= {"load.schema.json"}, set(SCHEMAS) - used
    for channel in document["channels"].values():
        named = set(re.findall(r"\{(\w+)\}", channel["address"]))
        assert named == set(channel["parameters"]), channel["address"]
    for operation in document["operations"].values():
        assert operation["action"] in ("send", "receive")


@check("the codes that schemas name are the programs'")
def codes(_):
    source = (ROOT / "Sources/Contract/Codes.swift").read_text()

    def cases(enum):
        text = re.search(rf"enum {enum}[^{{]*\{{(.*?)\n\}}", source, re.S)[1]
        return {raw or name.strip("`") for name, raw in re.findall(r'^    case (`?\w+`?)(?: = "(\w+)")?$', text, re.M)}
    assert set(SCHEMAS["rejected.schema.json"]["properties"]["code"]["enum"]) == cases("RejectionCode")
    assert set(SCHEMAS["failed.schema.json"]["properties"]["code"]["enum"]) == cases("FailureCode")


@check("a request, its events on the way and its result are what their schemas say")
def results(x):
    x.add("r1", body(), events="all", v="1", deadline_ms="20000", agent_type="gpt4_strategy")
    names = [event["event"] for event in x.events("r1", "result")]
    assert names[0] == "accepted" and names[-1] == "result", names
    x.add("r2", body(risk_preferences={"risk_tolerance": "low", "max_loss": 1}))
    x.events("r2", "result")
    x.stack.misbehave({"status": 500})
    x.add("r3", body())
    result = json.loads(x.events("r3", "result")[-1]["payload"])
    assert result["source"] == "rule_based" and result["degraded"], result
    x.stack.misbehave()


@check("refusals of every kind that can be had are what their schemas say; a schema refuses what a worker does")
def refusals(x):
    for number, wrong in enumerate([
            {}, {"user_id": "u"}, body(user_intent=""), body(max_cost_usd="much"),
            body(market_context={"symbol": "SPY", "current_price": -1})]):
        assert not accepts("generate", wrong), wrong
        x.redis.xadd(f"{TAG}:requests:normal", {"request_id": f"w{number}", "payload": json.dumps(wrong)})
        x.events(f"w{number}", "rejected")
    x.redis.xadd(f"{TAG}:requests:normal", {"request_id": "r1", "payload": json.dumps(body("bob"))})
    x.events("r1", "refused")


@check("a question for usage and its answer are what their schemas say")
def usage(x):
    x.database.sql(
        "INSERT INTO gpt4_usage_log (at, partition, epoch, outbox_ms, outbox_seq, request_id, user_id, "
        "attempt, terminal, admitted, event, code, payer, cost_nanousd, estimated, prompt_tokens, "
        "cached_tokens, completion_tokens, model_version) SELECT now(), 0, 1, n, 0, 'u' || n, 'ann', 1, "
        "true, n = 1, (ARRAY['result', 'rejected'])[n], (ARRAY['', 'unsuitable'])[n], 'user', 18350000, "
        "false, 812, 0, 341, 'gpt-4-0125-preview' FROM generate_series(1, 2) AS n")
    x.add("u1", {"user_id": "ann", "from": int(time.time() * 1000) - 3_600_000, "to": "2099-01-01"}, type="usage")
    assert x.events("u1", "rejected")[0]
    x.add("u2", {"user_id": "ann", "from": int(time.time() * 1000) - 3_600_000}, type="usage")
    told = json.loads(x.events("u2", "result", schema="usage")[-1]["payload"])
    assert (told["totals"]["requests"], told["rejections"]) == (1, {"unsuitable": 1}), told
    assert told["models"][0]["cost_usd"] == 0.0367 and len(told["hours"]) == 1, told


@check("a batch, its members and its totals are what their schemas say")
def batches(x):
    members = [body("ann", request_id=f"b1.{n}") for n in range(3)]
    x.add("b1", {"user_id": "ann", "batch_id": "b1", "batch_priority": "low", "requests": members}, type="batch")
    events = x.events("b1", "batch_complete", "batch-reply")
    assert [event["event"] for event in events] == ["member"] * 3 + ["batch_complete"]
    x.events("b1", "batch_complete")


@check("what is taken back says so, and what supervisors tell of the load is what its schema says")
def cancelling(x):
    order = {"request_id": "c1", "by": "a test"}
    validate("cancel", order)
    x.redis.xadd(f"{TAG}:cancel", order)
    wait_until(lambda: x.redis.xlen(f"{TAG}:cancel") == 0 or x.redis.exists(f"{TAG}:cancelled:c1"), "remembered")
    x.add("c1", body())
    x.events("c1", "cancelled")
    validate("load", wait_until(lambda: x.redis.hgetall(f"{TAG}:load"), "a load"))
    assert x.seen >= {"accepted", "result", "rejected", "refused", "member", "batch_complete", "cancelled"}


class Listener(http.server.BaseHTTPRequestHandler):
    """Passes the model's calls on, and keeps their headers."""
    heard, target = [], ""

    def do_POST(self):
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self.heard.append(self.headers.get("traceparent"))
        request = urllib.request.Request(self.target + self.path, data, dict(self.headers))
        with urllib.request.urlopen(request, timeout=20) as answer:
            found = answer.read()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(found)))
        self.end_headers()
        self.wfile.write(found)

    def log_message(self, *_):
        pass


@check("a trace context goes from the entry into the log, the call to the model, and the answer")
def traces(x):
    x.stack.worker.send_signal(signal.SIGTERM)
    x.stack.worker.wait(30)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Listener.target = x.stack.simulator_url
    usual, x.stack.simulator_url = x.stack.simulator_url, f"http://127.0.0.1:{server.server_port}"
    trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    try:
        x.stack.worker = x.stack.start_worker("traced", LOG_LEVEL="debug")
        x.add("t1", body(), traceparent=f"00-{trace}-{span}-01", tracestate="mip=orchestrator")
        answer = x.events("t1", "result")[-1]
    finally:
        x.stack.simulator_url = usual
        server.shutdown()
    assert answer["traceparent"].split("-")[1] == trace, answer
    assert answer.get("tracestate") == "mip=orchestrator", answer
    assert Listener.heard and all(h and h.split("-")[1] == trace for h in Listener.heard), Listener.heard
    log = (x.stack.folder / "traced.log").read_text()
    lines = [line for line in log.splitlines() if trace in line]
    assert lines and all("t1" in line for line in lines), "no line of the log names the trace"


@check("the orchestrator's example asks, is refused, asks many, takes back, and carries its trace")
def example(x):
    spec = importlib.util.spec_from_file_location("orchestrator", CONTRACT / "orchestrator.py")
    orchestrator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(orchestrator)
    one = orchestrator.Orchestrator(x.stack.redis_url)
    event, payload = one.ask(body("carla"), parent=orchestrator.traceparent())
    assert event == "result" and payload["strategy"], (event, payload)
    event, payload = one.ask({"user_id": "carla"})
    assert (event, payload["code"]) == ("rejected", "invalid_request"), payload
    answers, totals = one.batch("carla", [body("carla") for _ in range(5)], seconds=60)
    assert totals["done"] == 5 and all(answer[0] == "result" for answer in answers.values()), totals
    one.take_back("carla", "never-asked", "a test")
    done = subprocess.run(
        [sys.executable, str(CONTRACT / "orchestrator.py"), "income"], capture_output=True, text=True,
        env={**os.environ, "REDIS_URL": x.stack.redis_url, "USER": "dora"}, timeout=60)
    assert done.returncode == 0 and json.loads(done.stdout)["event"] == "result", done.stderr


@check("every metric of dashboards and rules is exported, and every query of a dashboard can be read")
def dashboards(x):
    wait_until(lambda: "\ngpt4_strategy_workers" in fetch(x.stack.supervisor.health_url + "/metrics"), "the fleet")
    pages = [fetch(process.health_url + "/metrics") for process in (x.stack.worker, x.stack.supervisor)]
    exported = {"up"}
    for page in pages:
        exported |= set(re.findall(r"^([a-z_:0-9]+)[{ ]", page, re.M))
    rules = [(ROOT / "deploy/prometheus/rules" / name).read_text() for name in ("recording.yml", "alerts.yml")]
    recorded = set(re.findall(r"record: (\S+)", rules[0]))
    queries = []
    for path in (ROOT / "deploy/grafana/dashboards").glob("*.json"):
        board = json.loads(path.read_text())
        ids = [panel["id"] for panel in board["panels"]]
        assert len(set(ids)) == len(ids) > 10, path.name
        for panel in board["panels"]:
            queries += [target["expr"] for target in panel.get("targets", [])]
    assert len(queries) > 40
    known = exported | recorded
    for text in queries + rules:
        for name in re.findall(r"\b(?:gpt4_strategy|strategy_\w+?|process|strategy:)[a-z0-9_:]*", text):
            if re.fullmatch(r"strategy-\w+|process", name) or name in ("strategy_access",):
                continue
            assert name in known, f"{name} is not exported"
    if not shutil.which("promtool"):
        raise Skipped("no promtool (Debian's package prometheus)")
    file = x.stack.folder / "queries.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboards", "rules": [
        {"record": f"query:{number}", "expr": expr} for number, expr in enumerate(queries)]}]}))
    done = subprocess.run(["promtool", "check", "rules", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for page in pages:
        done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True)
        assert done.returncode == 0 and not done.stdout and not done.stderr, done.stdout + done.stderr


if __name__ == "__main__":
    with Database() as database, Stack(DATABASE_READ_URL=database.url("strategy_read")) as stack:
        exchange = Exchange(stack)
        exchange.database = database
        run(exchange)
