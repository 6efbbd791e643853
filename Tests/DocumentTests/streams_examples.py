#!/usr/bin/env python3
"""Executes every example of streams.md, and holds its tables against what a worker does."""
import binascii
import copy
import json
import os
import re
import sys
import uuid

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "../ChaosTests"))
from rig.database import Database
from support.checks import check, run, wait_until
from support.documents import ROOT, Document, code
from support.stack import Stack, program

STREAMS = Document("streams.md")
SCRIPTS = ROOT / "Sources/Gateways/Redis/Scripts"
REQUESTS = "strategy:{0}:requests:"
names = {}  # what the document's Python examples define, as for a reader who runs them in turn


@check("every example runs")
def examples_run(stack):
    os.environ["REDIS_URL"] = stack.redis_url
    stack.outputs = []
    # It tells the load.
    supervisor = stack.start_supervisor("examples-supervisor", REQUESTS_PER_MINUTE="1000000")
    for language, text, line in STREAMS.blocks():
        if language == "sh":
            stack.outputs.append(stack.shell(text))
        elif language == "python":
            exec(compile("\n" * line + text, "streams.md", "exec"), names)
        else:
            assert language == "json", f"line {line}: a block in '{language}' that nothing tests"
    supervisor.terminate()
    supervisor.wait()


@check("XADD of the seed's payload is answered on the reply stream")
def seed_is_answered(stack):
    lines = stack.outputs[0].splitlines()
    assert "strategy:{0}:reply:hello-1" in lines and "result" in lines, stack.outputs[0]


@check("the malformed entries of the example are a rejection and a dead letter")
def malformed_example(stack):
    lines = stack.outputs[1].splitlines()
    assert "rejected" in lines and "the entry has no request_id" in lines, stack.outputs[1]


@check("a result has the members of the example, in their types and order")
def result_shape(stack):
    shown = next(json.loads(text) for language, text, _ in STREAMS.blocks() if language == "json")
    event, result = names["answer"](names["ask"](unheard_of()))
    assert event == "result", result
    assert shape(result) == shape(shown), f"{shape(result)}\n{shape(shown)}"


def unheard_of():
    """A request that nobody was answered before."""
    return {**names["spy"], "user_intent": f"income, {uuid.uuid4()}"}


def shape(value):
    if isinstance(value, dict):
        return {key: shape(member) for key, member in value.items()} | {"": list(value)}
    if isinstance(value, list):
        return [shape(value[0])]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return "number" if is_number else type(value).__name__


FULL = {
    "user_id": "user123", "user_intent": "income", "max_cost_usd": 0.5, "detail": "fast",
    "mode": "menu",
    "market_context": {
        "symbol": "SPY", "current_price": 450, "vix": 18.5, "trend": "bullish",
        "as_of": "2026-11-24T15:00:00Z", "iv": 0.2, "rate": 0.04, "dividend_yield": 0.012,
        "dividends": [{"ex_date": "2026-12-18", "amount": 1.5}],
        "events": [{"kind": "earnings", "date": "2026-12-18"}],
        "option_chain": [{"symbol": "SPY   261218P00430000", "bid": 3.0, "ask": 3.2, "iv": 0.2,
                          "open_interest": 5}]},
    "portfolio_context": {
        "positions": [{"symbol": "SPY", "quantity": -1, "average_price": 1,
                       "greeks": {"delta": 1}}],
        "portfolio_greeks": {"delta": 1, "gamma": 0, "theta": 0, "vega": 0, "rho": 0}},
    "risk_preferences": {"risk_tolerance": "low", "max_loss": 1000, "max_debit_usd": 100},
    "account": {"equity_usd": 1, "buying_power_usd": 1, "approval_level": 4, "odd_delivered": True},
}


def members():
    """(path, required) of each member in the payload's table; '.rate' is of the same object as the
    member before it."""
    for cells in STREAMS.table("The generate payload", "member"):
        group = None
        for path in code(cells[0]):
            path = f"{group}{path}" if path.startswith(".") else path
            group = path.rpartition(".")[0]
            yield path, "**" in cells[0]


def with_member(path, value):
    """FULL with one member set; removed when the value is an ellipsis."""
    payload = copy.deepcopy(FULL)
    *parents, last = path.split(".")
    place = payload
    for parent in parents:
        place = place[parent]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return payload


def verdict(payload, **fields):
    event, answer = names["answer"](names["ask"](payload, **fields))
    return (event, answer.get("code"), answer.get("field"))


def refusal_of(path):
    return ("rejected", "invalid_request", "/" + path.replace(".", "/"))


@check("a payload with every member of the table is answered, and each is looked at")
def payload_table(stack):
    assert verdict(FULL)[0] == "result"
    for path, _ in members():
        found = verdict(with_member(path, True))
        assert found == refusal_of(path), (path, found)


@check("of the members just the required ones may not be missing, and null is as good as absent")
def required_members(stack):
    for path, is_required in members():
        found = verdict(with_member(path, ...))
        if is_required:
            assert found == refusal_of(path), (path, found)
        else:
            assert found[0] == "result", (path, found)
            assert verdict(with_member(path, None))[0] == "result", path


@check("the limits of members are where the table says")
def payload_limits(stack):
    for path, good, bad in [
            ("user_id", "é" * 128, "é" * 128 + "x"), ("user_id", "x", ""),
            ("user_id", "x", "a\u0007"),
            ("user_intent", "é" * 2000, "x" * 2001), ("user_intent", "x", " \n"),
            ("market_context.symbol", "ABCDEFGHIJKL", "ABCDEFGHIJKLM"),
            ("market_context.current_price", 10_000_000, 10_000_001),
            ("market_context.current_price", 0.01, 0), ("market_context.vix", 1000, 1000.1),
            ("account.approval_level", 1, 0), ("account.approval_level", 4, 5)]:
        assert verdict(with_member(path, bad)) == refusal_of(path), (path, bad)
        # As a deadline's or a strategy's, another ending is no matter of the limit.
        assert verdict(with_member(path, good))[0] != "rejected", (path, good)
    for depth, expected in [(15, "result"), (16, "rejected")]:
        nested = json.loads("[" * depth + "]" * depth)
        assert verdict({**FULL, "ignored": nested})[0] == expected, depth


@check("a key that stands twice is refused")
def twice_in_payload(stack):
    request_id = "twice-key"
    payload = json.dumps(FULL).replace('"mode"', '"detail"')
    stack.redis.xadd(REQUESTS + "normal", {"request_id": request_id, "payload": payload})
    assert names["answer"](request_id)[1]["field"] == "/detail"


@check("the entry's fields are required, limited and ignored as their table says")
def entry_table(stack):
    for name, good, bad in [
            ("v", "1", "2"), ("type", "generate", "other"), ("agent_type", "gpt4_strategy", "other"),
            ("deadline_ms", "3600000", "3600001"), ("deadline_ms", "3600000", "99"),
            ("deadline_ms", "3600000", "soon"), ("events", "result", "some"),
            ("replay_of", "hello-1", "no id")]:
        assert verdict(FULL, **{name: good})[0] == "result", name
        assert verdict(FULL, **{name: bad}) == ("rejected", "invalid_request", name), name
    rows = STREAMS.table("The request entry", "field")
    assert {name for cells in rows for name in code(cells[0])} == {
        "request_id", "payload", "v", "type", "agent_type", "deadline_ms", "events", "traceparent",
        "tracestate", "batch_id", "batch_index", "batch_size", "replay_of", "authorization"}, rows
    # Without AUTH_MODE nobody looks at a token.
    assert verdict(FULL, something="else", attempt="4", authorization="x")[0] == "result"
    stack.redis.xadd(REQUESTS + "normal", {"request_id": "no-payload"})
    assert names["answer"]("no-payload")[1]["field"] == "payload"
    stack.redis.execute_command(
        "XADD", REQUESTS + "normal", "*", "request_id", "two-fields", "payload", "{}",
        "v", "1", "v", "1")
    assert names["answer"]("two-fields")[1]["field"] == "v"


@check("all three streams are read")
def priorities(stack):
    for priority in ("high", "normal", "low"):
        assert names["answer"](names["ask"](FULL, priority=priority))[0] == "result", priority


@check("events carry the fields of their table, and the trace context of the entry")
def event_fields(stack):
    trace = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
             "tracestate": "a=b", "replay_of": "hello-1"}
    request_id = names["ask"](FULL, events="all", **trace)
    names["answer"](request_id)
    accepted, result = events_of(stack, f"strategy:{{0}}:reply:{request_id}")
    rows = STREAMS.table("The reply stream", "field")
    listed = {name for cells in rows for name in code(cells[0])}
    assert set(result) == listed and set(accepted) == listed - {"tracestate", "replay_of"}, (
        result, accepted)
    assert {key: result[key] for key in trace} == trace
    assert (result["request_id"], result["attempt"], result["v"]) == (request_id, "1", "1")
    payload = json.loads(accepted["payload"])
    assert list(payload) == ["worker", "limits"] and payload["limits"]["tier"] == "enterprise"


def events_of(stack, key):
    return [fields for _, fields in stack.redis.xrange(key)]


@check("an answer can be read for REPLY_TTL, and is then gone")
def reply_expires(stack):
    request_id = names["ask"](FULL)
    names["answer"](request_id)
    assert 0 < stack.redis.pttl(f"strategy:{{0}}:reply:{request_id}") <= 600_000


@check("every code of the two tables is one that callers get, and they get no other")
def codes(stack):
    rejected, failed = ({code(cells[0])[0] for cells in STREAMS.table("Rejected and failed", head)}
                        for head in ("rejected with", "failed with"))
    provoked = {verdict([])[1], verdict({**FULL, "x": "x" * 262_144})[1]}
    old = {"request_id": "old", "payload": json.dumps(FULL)}
    stack.redis.xadd(REQUESTS + "retry", old, id="1-1")
    provoked.add(names["answer"]("old")[1]["code"])
    assert rejected > provoked == {"invalid_request", "payload_too_large", "deadline_passed"}
    # The others are provoked below, or take the deaths of several workers.
    assert used_codes() == rejected | failed, used_codes() ^ (rejected | failed)


@check("whatever the model does, an answer comes, and its reason is one of the table")
def degraded(stack):
    told = {code(cells[0])[0] for cells in STREAMS.table("The result", "reason")}
    provoked = set()
    for behavior, fields in [
            ({"status": 500}, {}), ({"mode": "refusal"}, {}), ({"mode": "length", "tokens": 1}, {}),
            ({"mode": "reset"}, {}), ({"mode": "stall"}, {"deadline_ms": 1000})]:
        stack.misbehave(behavior)
        event, payload = names["answer"](names["ask"](unheard_of(), **fields))
        assert (event, payload["source"]) == ("result", "rule_based"), payload
        assert payload["strategy"]["max_loss_usd"] <= 1000, payload
        provoked.add(payload["degraded"])
    stack.misbehave()
    assert provoked == {"upstream_error", "invalid_output", "deadline"}
    declared = (ROOT / "Sources/Contract/Codes.swift").read_text()
    block = re.search(r"enum Degradation.*?^}", declared, re.M | re.S)[0]
    cases = re.findall(r"case (\w+)(?: = \"(\w+)\")?$", block, re.M)
    assert told == {text or name for name, text in cases}, (told, cases)


def used_codes():
    """The codes that the sources make refusals and failures of."""
    paths = [path for room in ("Contract", "Gateways", "Pipeline", "Supervisor")
             for path in (ROOT / "Sources" / room).rglob("*.swift") if path.name != "Codes.swift"]
    source = "".join(path.read_text() for path in paths)
    declared = (ROOT / "Sources/Contract/Codes.swift").read_text()
    cases = re.findall(r"case `?(\w+)`?(?: = \"(\w+)\")?$", declared, re.M)
    used = {text or name for name, text in cases
            if re.search(rf"(?:Rejection|Failure)\(\s*\.{name}\b", source)}
    return used | ({"invalid_request"} if ".invalid(" in source else set())


@check("a dead letter has the fields that streams.md names, and no token")
def dead_letters(stack):
    r = stack.redis
    r.set("strategy:{0}:reply:no-stream", "x", ex=600)
    buried = {r.xadd(REQUESTS + "normal", fields) for fields in [
        {"nonsense": "1", "authorization": "Bearer secret"}, {"request_id": "x" * 129},
        {"request_id": "not allowed", "payload": "{}"},
        {"request_id": "no-stream", "payload": "{}"}]}

    def all_letters():
        letters = events_of(stack, "strategy:{0}:dead")
        return letters if buried <= {letter["entry_id"] for letter in letters} else None
    letters = wait_until(all_letters, "dead letters")
    own = {"reason", "queue", "entry_id", "at", "bytes_cut"}
    for letter in letters:
        assert {name for name in letter if not name.startswith("entry.")} == own, letter
        assert "entry.authorization" not in letter
    text = STREAMS.section("Keys")
    for name in own:
        assert f"`{name}`" in text, name
    wait_until(lambda: r.xpending(REQUESTS + "normal", "workers")["pending"] == 0, "none pending")


@check("pushed again it is answered once, and another's entry under its id is refused")
def one_owner(stack):
    r, key = stack.redis, f"strategy:{{0}}:reply:{names['request_id']}"
    wait_until(lambda: r.xlen(REQUESTS + "normal") == 0, "all entries ended")
    by_name = {fields["event"]: json.loads(fields["payload"]) for fields in events_of(stack, key)}
    assert r.xlen(key) == 2 and set(by_name) == {"result", "refused"}, by_name
    refused = by_name["refused"]
    assert list(refused) == ["entry_id", "code", "message"], refused
    assert refused["code"] == "request_id_conflict", refused
    buried = {letter["entry_id"]: letter for letter in events_of(stack, "strategy:{0}:dead")}
    assert "another request's" in buried[refused["entry_id"]]["reason"], buried


@check("once its answer is gone, who asks again is told so, once")
def answer_expired(stack):
    r, request_id = stack.redis, names["ask"](FULL)
    assert names["answer"](request_id)[0] == "result"
    key = f"strategy:{{0}}:reply:{request_id}"
    r.delete(key)
    for _ in range(2):
        r.xadd(REQUESTS + "normal", {"request_id": request_id, "payload": json.dumps(FULL)})
        event, payload = names["answer"](request_id)
        assert (event, payload["code"]) == ("rejected", "answer_expired"), payload
        assert "ended as result" in payload["message"], payload
        wait_until(lambda: r.xlen(REQUESTS + "normal") == 0, "the entry ended")
    assert r.xlen(key) == 1 and 0 < r.pttl(key) <= 600_000


@check("the tiers are those of the code")
def tiers(stack):
    source = (ROOT / "Sources/Policy/Tier.swift").read_text()
    requests = dict(re.findall(r"case \.(\w+): ([\d_]+)$", source, re.M))
    dollars = dict(re.findall(r"case \.(\w+): NanoUSD\((\d+) \* NanoUSD.perDollar\)", source))
    written = {code(cells[0])[0]: cells[1:] for cells in STREAMS.table("Limits", "tier")}
    assert len(written) == 4 and written == {
        tier: [count.replace("_", ""), dollars[tier]] for tier, count in requests.items()}, written


@check("a user's hour is full when its tier says, and is free when the refusal says")
def rate_limited(stack):
    r = stack.redis
    worker = stack.start_worker("limited", STREAM_PREFIX="limited", DEFAULT_TIER="free")

    def ask(index):
        key = f"limited:{{0}}:reply:l{index}"
        entry = r.xadd("limited:{0}:requests:normal", {
            "request_id": f"l{index}", "payload": json.dumps(names["spy"])})
        wait_until(lambda: r.exists(key), f"l{index} answered")
        fields = events_of(stack, key)[0]
        return int(entry.split("-")[0]), fields, json.loads(fields["payload"])

    for index in range(10):
        assert ask(index)[1]["event"] == "result", index
    added, fields, refusal = ask(10)
    assert (refusal["code"], refusal["left"]) == ("rate_limited", 0), refusal
    assert refusal["limit"] == "user_requests_per_hour", refusal
    hour = "limited:{0}:user:user123:requests"
    (first, since), = r.zrange(hour, 0, 0, withscores=True)
    # It is exact: counted from when it was refused, which is between being added and being told.
    refused_at = int(since) + 3_600_000 - refusal["retry_after_ms"]
    assert added <= refused_at <= int(fields["at"]), (added, refused_at, fields["at"])
    r.zadd(hour, {first: int(since) - refusal["retry_after_ms"]})  # the time goes by
    assert ask(11)[1]["event"] == "result"

    cost = {"cost_per_hour_nanousd": 1, "requests_per_hour": 1000}
    r.hset("limited:{0}:user:user123:profile", mapping=cost)
    _, _, refusal = ask(12)
    assert refusal["code"] == "budget_exceeded", refusal
    assert refusal["limit"] == "user_cost_per_hour" and refusal["left"] == 0, refusal
    assert "retry_after_ms" not in refusal, refusal
    worker.kill()
    named = {name for cells in STREAMS.table("Limits", "`limit`") for name in code(cells[0])}
    source = (ROOT / "Sources/Contract/PayloadEncoding.swift").read_text()
    for name in named:
        assert f'"limit", "{name}"' in source, name


@check("whom the fleet's pace and hour keep from the model is answered by rule, at no cost")
def fleet_limits(stack):
    r = stack.redis

    def degraded(prefix, **variables):
        worker = stack.start_worker(prefix, STREAM_PREFIX=prefix, **variables)
        r.xadd(f"{prefix}:{{0}}:requests:normal",
               {"request_id": "g", "payload": json.dumps(names["spy"])})
        wait_until(lambda: r.exists(f"{prefix}:{{0}}:reply:g"), "answered")
        worker.kill()
        told = json.loads(events_of(stack, f"{prefix}:{{0}}:reply:g")[0]["payload"])
        assert told["source"] == "rule_based" and told["usage"]["cost_usd"] == 0, told
        assert r.hget(f"{prefix}:{{0}}:user:user123:cost", "reserved_nanousd") == "0"
        return told["degraded"]

    assert degraded("paced", REQUESTS_PER_MINUTE="0") == "global_pace"
    # A dollar was spent half an hour ago, and that is all there is.
    spent = int(r.time()[0]) - 1800
    r.hset("spent:{global}:cost", "settled_nanousd", 10**9)
    r.hset("spent:{global}:spend", mapping={"from": spent, "last": spent, str(spent): 10**9})
    assert degraded("spent", COST_PER_HOUR_LIMIT="1") == "global_budget"


@check("a restricted symbol is unsuitable, and custom mode is Enterprise's")
def restricted(stack):
    r = stack.redis
    r.sadd("strategy:{global}:restricted", "symbol GME")
    gme = copy.deepcopy(names["spy"])
    gme["market_context"]["symbol"] = "GME"
    unsuitable = ("rejected", "unsuitable", "/market_context/symbol")
    wait_until(lambda: verdict(gme) == unsuitable, "the list in force")
    r.srem("strategy:{global}:restricted", "symbol GME")
    wait_until(lambda: verdict(gme)[0] == "result", "the list in force")
    r.sadd("strategy:{global}:restricted", "strategy iron_condor")  # for the check of the keys
    worker = stack.start_worker("basic", STREAM_PREFIX="basic", DEFAULT_TIER="basic")
    r.xadd("basic:{0}:requests:normal",
           {"request_id": "c", "payload": json.dumps({**names["spy"], "mode": "custom"})})
    wait_until(lambda: r.exists("basic:{0}:reply:c"), "answered")
    told = json.loads(events_of(stack, "basic:{0}:reply:c")[0]["payload"])
    assert (told["code"], told["field"]) == ("tier_feature", "/mode"), told
    worker.kill()


@check("the CRC16 vectors are right, and a worker with four partitions agrees")
def partitions(stack):
    worker = stack.start_worker("partitioned", PARTITIONS="4", STREAM_PREFIX="parted")
    for user, crc, of4, of12 in STREAMS.table("Partitions", "user_id"):
        user = code(user)[0]
        value = binascii.crc_hqx(user.encode(), 0)
        assert (value, value % 4, value % 12) == (int(crc, 16), int(of4), int(of12)), user
        for place in (int(of4), (int(of4) + 1) % 4):
            request_id = f"in-{place}-{crc}"
            stack.redis.xadd(f"parted:{{{place}}}:requests:normal", {
                "request_id": request_id, "payload": json.dumps({**FULL, "user_id": user})})
            key = f"parted:{{{place}}}:reply:{request_id}"
            wait_until(lambda: stack.redis.exists(key), f"{user} in {place} answered")
            fields = events_of(stack, key)[0]
            expected = "result" if place == int(of4) else "rejected"
            assert fields["event"] == expected, (user, fields)
            if expected == "rejected":
                assert json.loads(fields["payload"])["field"] == "user_id", fields
    worker.kill()


@check("Redis, when full, refuses XADD, and what was taken is answered all the same")
def full_redis(stack):
    r = stack.redis
    stack.misbehave({"mode": "slow", "latency_ms": 3000})
    request_id = names["ask"](unheard_of())
    record = f"strategy:{{0}}:request:{request_id}"
    wait_until(lambda: r.hexists(record, "calling"), "at the model")
    r.config_set("maxmemory", 1)
    try:
        r.xadd(REQUESTS + "normal", {"request_id": "refused", "payload": "{}"})
        raise AssertionError("a full Redis took an entry")
    except names["redis"].ResponseError:
        assert names["answer"](request_id)[0] == "result"
    finally:
        r.config_set("maxmemory", 0)
        stack.misbehave()


@check("a killed worker's requests are taken back, and another answers them")
def killed_worker(stack):
    r, requests = stack.redis, "killed:{0}:requests:normal"
    common = {"STREAM_PREFIX": "killed", "HEARTBEAT_TTL": "4"}
    stack.misbehave({"mode": "slow", "latency_ms": 30_000})
    worker = stack.start_worker("killed", **common)
    supervisor = stack.start_supervisor(**common)
    for index in range(5):
        r.xadd(requests, {
            "request_id": f"k{index}", "payload": json.dumps(names["spy"]), "deadline_ms": "600000"})
    wait_until(lambda: all(r.hexists(f"killed:{{0}}:request:k{index}", "calling")
                           for index in range(5)), "all at the model")
    worker.kill()
    worker.wait()
    stack.misbehave()
    other = stack.start_worker("another", **common)
    for index in range(5):
        key = f"killed:{{0}}:reply:k{index}"
        wait_until(lambda: r.exists(key), f"k{index} answered")
        told = [(fields["event"], fields["attempt"]) for fields in events_of(stack, key)]
        assert told == [("result", "2")], told
    rows = [fields for _, fields in r.xrange("killed:{0}:ledger")]
    lost = [row for row in rows if row["terminal"] == "0"]
    assert len(lost) == 5 and {row["payer"] for row in lost} == {"house"}, lost
    assert {row["payer"] for row in rows if row["terminal"] == "1"} == {"user"}, rows
    fields = {name for row in rows for name in row}
    for name in fields:
        assert f"`{name}`" in STREAMS.section("Keys"), name
    life = stack.shell(f"STREAM_PREFIX=killed {program('strategyctl')} explain k0")
    for word in ("lost", "house", "charged at its reservation", "ended, result"):
        assert word in life, life
    other.kill()
    supervisor.kill()


@check("what no worker reads is answered by the supervisor, 5 s past its deadline")
def unread(stack):
    r = stack.redis
    r.xadd("unread:{0}:requests:normal", {
        "request_id": "u", "payload": json.dumps(FULL), "deadline_ms": "100"})
    supervisor = stack.start_supervisor("unread", STREAM_PREFIX="unread")
    wait_until(lambda: r.exists("unread:{0}:reply:u"), "answered")
    assert json.loads(events_of(stack, "unread:{0}:reply:u")[0]["payload"])["code"] == "deadline_passed"
    supervisor.kill()


@check("a worker told to stop finishes what it runs")
def graceful_stop(stack):
    stack.misbehave({"mode": "slow", "latency_ms": 2000})
    worker = stack.start_worker("stopped", STREAM_PREFIX="stopped")
    r, requests = stack.redis, "stopped:{0}:requests:normal"
    r.xadd(requests, {"request_id": "last", "payload": json.dumps(FULL)})
    wait_until(lambda: r.xpending(requests, "workers")["pending"] == 1, "delivered")
    worker.terminate()
    assert worker.wait(60) == 0
    assert [fields["event"] for fields in events_of(stack, "stopped:{0}:reply:last")] == ["result"]
    assert r.xlen(requests) == 0
    stack.misbehave()


@check("the keys table lists every key that is there, with its type")
def keys(stack):
    patterns = []
    for cells in STREAMS.table("Keys", "key"):
        stem = None
        for name in code(cells[0]):
            name = stem + name if name.startswith(":") else name
            stem = name.partition(":")[0]
            patterns.append((re.sub(r"<\w+>", ".+", name), cells[1].split(",")[0]))
    odd = {"strategy:{0}:reply:no-stream"}  # a check's own
    for key in stack.redis.scan_iter("*"):
        match = re.fullmatch(r"\w+:(?:\{(?:\d|global)\}:(.+)|(\{cache:\w+\}))", key, re.S)
        assert match, f"{key} has no partition"
        name = match[1] or match[2]
        kinds = [kind for pattern, kind in patterns if re.fullmatch(pattern, name)]
        assert kinds, f"{key} is not in the keys table"
        assert key in odd or stack.redis.type(key) == kinds[0], key


@check("every script is described, with as many keys and arguments, and all its answers")
def scripts(stack):
    described = re.findall(r"^### (\w+)$", STREAMS.section("Scripts"), re.M)
    assert sorted(described) == sorted(path.stem for path in SCRIPTS.glob("*.lua"))
    for name in described:
        source, section = (SCRIPTS / f"{name}.lua").read_text(), STREAMS.section(name)
        head = source[:re.search(r"^(?!--)", source, re.M).start()]
        rows = {cells[0]: cells[1] for cells in re.findall(r"^\| (\w+) \| (.*) \|$", section, re.M)}
        for kind in ("KEYS", "ARGV"):
            used = set(re.findall(rf"{kind}\[(\d+(?:…\d*)?)\]", head))
            listed = set(re.findall(r"(?:^|· )(\d+(?:…\d*)?) ", rows[kind]))
            assert used == listed, (name, kind, used ^ listed)
        answers = re.findall(r"'(\w+)'", head[head.index("-- Answers"):])
        answers += re.findall(r"return (?:\{ )?'(\w+)'", source[len(head):])
        for answer in answers:
            assert f"`{answer}`" in rows["answers"], (name, answer)


@check("limits that are quoted are those of the code")
def quoted_limits(stack):
    contract = (ROOT / "Sources/Contract/Contract.swift").read_text()
    for name, value, quoted in [
            ("identifierLengthMax", "128", "1–128 of"), ("userIDBytesMax", "256", "1–256 bytes"),
            ("intentCharactersMax", "2_000", "1–2,000 characters"),
            ("payloadBytesMax", "256 * 1024", "262,144 bytes"),
            ("batchBytesMax", "4 * 1024 * 1024", "4,194,304 bytes"),
            ("batchMembersMax", "1_000", "at most 1,000"),
            ("burstMembersMax", "100_000", "at most 100,000"),
            ("deadlineRange", "100...3_600_000", "100–3,600,000"),
            ("deadLetterBytesMax", "256 * 1024", "256 KiB"),
            ("deadLetterFieldsMax", "1_000", "1,000 fields"),
            ("deadLettersMax", "10_000", "about 10,000")]:
        assert re.search(rf"{name}\b[^=]*= {re.escape(value)}$", contract, re.M), f"{name}: {value}"
        assert quoted in STREAMS.text, quoted


if __name__ == "__main__":
    with Database() as database, Stack(
            CACHE_TTL="60", DATABASE_READ_URL=database.url("strategy_read")) as stack:
        stack.database = database
        run(stack)
