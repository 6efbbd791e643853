#!/usr/bin/env python3
"""Drives openai-simulator with the vendor's own SDK and checks every body by the vendor's schemas.

Usage: sdk_check.py BASE_URL CHAT_SCHEMAS_JSON
Prints one line a check; exits 1 at the first that fails.
"""

import json
import sys
from pathlib import Path
from typing import Literal, Optional

import httpx2 as httpx  # what this version of the SDK is built on
import openai
from jsonschema import Draft202012Validator
from pydantic import BaseModel

BASE_URL, SCHEMAS = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
KEY = "sk-sim-sdk"
FACTS = {
    "symbol": "SPY", "spot": 450.0, "as_of": "2026-11-24T15:30:00Z", "trend": "bullish",
    "risk_tolerance": "medium", "max_loss_usd": 1000, "strike_step": 1,
    "expiries": ["2026-12-18", "2027-01-15"],
}
MESSAGES = [
    {"role": "system", "content": "You write one options strategy. Answer in JSON."},
    {"role": "user", "content": json.dumps({"facts": FACTS, "user_text": "income from SPY"})},
]
sent = []


def validator(root):
    return Draft202012Validator({**SCHEMAS["oneOfRoots"][root], "$defs": SCHEMAS["$defs"]})


VALIDATORS = {root: validator(root) for root in SCHEMAS["oneOfRoots"]}


def conforms(root, body):
    errors = [f"{e.json_path}: {e.message[:200]}" for e in VALIDATORS[root].iter_errors(body)]
    assert not errors, (root, errors[:3], body)


def client(key=KEY, **options):
    http = httpx.Client(event_hooks={"request": [sent.append]})
    return openai.OpenAI(
        api_key=key, base_url=BASE_URL, http_client=http, **{"max_retries": 0, **options})


class Leg(BaseModel):
    side: Literal["buy", "sell"]
    type: Literal["call", "put", "stock"]
    strike: Optional[float]
    expiration: Optional[str]
    ratio: int
    limit_premium_per_share: Optional[float]


class Strategy(BaseModel):
    decision: Literal["trade", "no_trade", "refuse"]
    strategy_name: str
    legs: list[Leg]
    quantity: int
    rationale: str


def is_bull_put_spread(strategy):
    sold, bought = strategy.legs
    assert (sold.side, bought.side) == ("sell", "buy") and sold.type == bought.type == "put"
    assert FACTS["spot"] > sold.strike > bought.strike
    assert sold.expiration in FACTS["expiries"]
    credit = sold.limit_premium_per_share - bought.limit_premium_per_share
    width = sold.strike - bought.strike
    assert 0 < credit < width
    assert (width - credit) * 100 * strategy.quantity <= FACTS["max_loss_usd"] + 0.01


def plain(api):
    raw = api.chat.completions.with_raw_response.create(
        model="gpt-4-turbo-preview", messages=MESSAGES, max_tokens=40, temperature=0.3)
    conforms("response", json.loads(raw.content))
    answer = raw.parse()
    assert answer.model == "gpt-4-0125-preview" and raw.headers["x-request-id"]
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.completion_tokens == 40 and answer.choices[0].finish_reason == "length"


def forced_tool(api):
    tool = openai.pydantic_function_tool(Strategy, name="propose_strategy")
    raw = api.chat.completions.with_raw_response.create(
        model="gpt-4-turbo-preview", messages=MESSAGES, max_tokens=2000, tools=[tool],
        tool_choice={"type": "function", "function": {"name": "propose_strategy"}},
        parallel_tool_calls=False)
    conforms("response", json.loads(raw.content))
    message = raw.parse().choices[0].message
    assert message.content is None and len(message.tool_calls) == 1
    assert message.tool_calls[0].function.name == "propose_strategy"
    is_bull_put_spread(Strategy.model_validate_json(message.tool_calls[0].function.arguments))


def parsed_schema(api):
    for model in ("gpt-4o", "gpt-4.1-mini", "gpt-6-luna"):
        answer = api.chat.completions.parse(
            model=model, messages=MESSAGES, max_completion_tokens=4000, store=False,
            response_format=Strategy)
        is_bull_put_spread(answer.choices[0].message.parsed)
        reasoning = answer.usage.completion_tokens_details.reasoning_tokens
        assert (reasoning > 0) == (model == "gpt-6-luna"), reasoning


def streaming(api):
    options = dict(
        model="gpt-4o", messages=MESSAGES, max_completion_tokens=50, stream=True,
        stream_options={"include_usage": True})
    with api.chat.completions.with_streaming_response.create(**options) as response:
        events = [line[6:] for line in response.iter_lines() if line]
    assert events[-1] == "[DONE]"
    for event in events[:-1]:
        conforms("stream_chunk", json.loads(event))
    chunks = list(api.chat.completions.create(**options))
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    whole = api.chat.completions.create(
        model="gpt-4o", messages=MESSAGES, max_completion_tokens=50)
    assert text == whole.choices[0].message.content
    assert chunks[-1].choices == [] and chunks[-1].usage == whole.usage
    assert len(chunks) == 50 + 3, "a chunk a token, one for the role, the reason and the usage"


def streamed_tool(api):
    tool = openai.pydantic_function_tool(Strategy, name="propose_strategy")
    with api.chat.completions.stream(
        model="gpt-4-turbo", messages=MESSAGES, max_tokens=2000, tools=[tool],
        tool_choice={"type": "function", "function": {"name": "propose_strategy"}},
    ) as stream:
        call = stream.get_final_completion().choices[0].message.tool_calls[0]
    is_bull_put_spread(call.function.parsed_arguments)


def models(api):
    listed = list(api.models.list())
    for name in ("gpt-4-turbo-preview", "gpt-4o", "gpt-6-luna"):
        assert name in [m.id for m in listed]
    for model in listed:
        conforms("model", model.to_dict())
    assert api.models.retrieve("gpt-4o").to_dict()["shutdown_date"] == "2027-01-14"
    assert api.models.retrieve("gpt-6-luna").to_dict()["shutdown_date"] is None


def raises(kind, status, code, call):
    try:
        call()
    except kind as error:
        assert type(error) is kind and error.status_code == status and error.code == code, error
        conforms("error", error.response.json())
        return error
    raise AssertionError(f"no {kind.__name__}")


def refusals(api):
    def ask(api=api, **fields):
        return api.chat.completions.create(**{"model": "gpt-4o", "messages": MESSAGES, **fields})

    raises(openai.AuthenticationError, 401, "invalid_api_key", lambda: ask(client("sk-real-1234567")))
    raises(openai.NotFoundError, 404, "model_not_found", lambda: ask(model="gpt-9"))
    raises(openai.NotFoundError, 404, "model_not_found", lambda: api.models.retrieve("gpt-9"))
    error = raises(
        openai.BadRequestError, 400, None,
        lambda: api.chat.completions.parse(
            model="gpt-4-turbo", messages=MESSAGES, response_format=Strategy))
    assert "'response_format' of type 'json_schema' is not supported" in error.message
    raises(
        openai.BadRequestError, 400, "unsupported_parameter",
        lambda: ask(model="gpt-6-luna", max_tokens=10))
    raises(openai.BadRequestError, 400, "invalid_type", lambda: ask(temperature="hot"))


def behave(*behaviors):
    httpx.post(BASE_URL.removesuffix("/v1") + "/simulator/behavior", json=behaviors).raise_for_status()


def failures(api):
    def ask(api=api):
        return api.chat.completions.create(model="gpt-4o", messages=MESSAGES)

    for status, code, kind in (
        (429, "rate_limit_exceeded", openai.RateLimitError),
        (429, "insufficient_quota", openai.RateLimitError),
        (500, None, openai.InternalServerError),
        (503, "server_is_overloaded", openai.InternalServerError),
        (403, "unsupported_country_region_territory", openai.PermissionDeniedError),
        (409, None, openai.ConflictError),
    ):
        behave({"status": status, **({"code": code} if code else {}), "times": 1})
        raises(kind, status, code, ask)
    behave({"mode": "reset", "times": 1})
    try:
        ask()
        raise AssertionError("no connection error")
    except openai.APITimeoutError:
        raise
    except openai.APIConnectionError:
        pass
    behave({"mode": "stall", "times": 1})
    try:
        ask(client(timeout=0.3))
        raise AssertionError("no timeout")
    except openai.APITimeoutError:
        pass
    behave({"mode": "refusal", "times": 1})
    parsed = api.chat.completions.parse(model="gpt-4o", messages=MESSAGES, response_format=Strategy)
    assert parsed.choices[0].message.refusal and parsed.choices[0].message.parsed is None
    behave({"mode": "length", "times": 1})
    try:
        api.chat.completions.parse(model="gpt-4o", messages=MESSAGES, response_format=Strategy)
        raise AssertionError("no length error")
    except openai.LengthFinishReasonError:
        pass
    # The SDK itself retries, and waits as it is told.
    behave({"status": 429, "retry_after_ms": 20, "times": 2})
    assert ask(client(max_retries=2)).choices


def usage(api):
    def row():
        url = BASE_URL.removesuffix("/v1") + "/simulator/usage"
        return httpx.get(url, params={"request_id": "sdk-1"}).json()["requests"]["sdk-1"]

    headers = {"X-Client-Request-Id": "sdk-1"}
    totals = [0, 0]
    for n in range(3):
        answer = api.chat.completions.create(
            model="gpt-4o", messages=MESSAGES, n=n + 1, extra_headers=headers)
        assert len(answer.choices) == n + 1
        totals[0] += answer.usage.prompt_tokens
        totals[1] += answer.usage.completion_tokens
    found = row()
    assert [found["prompt_tokens"], found["completion_tokens"]] == totals and found["calls"] == 3


def requests_sent(_):
    """The SDK's own requests conform to the schema, so it is the one that the SDK is made from."""
    bodies = [json.loads(r.content) for r in sent if r.url.path.endswith("/completions")]
    wrong = [b for b in bodies if b.get("temperature") == "hot"]
    assert len(bodies) > 20 and len(wrong) == 1
    assert not VALIDATORS["request"].is_valid(wrong[0])
    for body in bodies:
        if body not in wrong:
            conforms("request", body)


CHECKS = (
    plain, forced_tool, parsed_schema, streaming, streamed_tool, models, refusals, failures, usage,
    requests_sent,
)

if __name__ == "__main__":
    for check in CHECKS:
        check(client())
        print("ok", check.__name__, flush=True)
