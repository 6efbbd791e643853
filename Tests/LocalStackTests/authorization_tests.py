#!/usr/bin/env python3
"""Bearer tokens (AUTH_MODE) with real workers that die, with the supervisor's console, and from
strategyctl's desk: whose they are is known to the end, and of the token itself nothing is left."""
import base64
import hashlib
import hmac
import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from service import BODY, Service
from support.checks import check, run, wait_until
from support.stack import CONSOLE_TOKEN, Stack, program

SECRET = "0123456789abcdef0123456789abcdef"
AUTH = {"AUTH_MODE": "hs256", "AUTH_HS256_SECRET": SECRET, "AUTH_AUDIENCE": "mip"}


def token(key=SECRET, **claims):
    def text(bytes):
        return base64.urlsafe_b64encode(bytes).rstrip(b"=").decode()
    claims = {"sub": BODY["user_id"], "aud": "mip", "exp": time.time() + 300, **claims}
    head = text(b'{"alg":"HS256","typ":"JWT"}') + "." + text(json.dumps(claims).encode())
    return head + "." + text(hmac.digest(key.encode(), head.encode(), hashlib.sha256))


class Guarded(Service):
    """A service that asks for tokens."""

    def __init__(self, stack, prefix, **common):
        super().__init__(stack, prefix, **{**AUTH, **common})

    def answer(self, request_id):
        [event] = wait_until(lambda: [e for e in self.events(request_id)
                                      if e["event"] in ("result", "rejected", "failed")],
                             f"{request_id} is answered")
        return event["event"], json.loads(event["payload"])

    def left_of(self, *tokens):
        """Where Redis or a log still has a part of a token that nobody else could write."""
        parts = [part for one in tokens for part in one.split(".")[1:]]
        texts = {path.name: path.read_text(errors="replace")
                 for path in self.stack.folder.glob(f"{self.prefix}-*.log")}
        assert texts
        for key in self.r.keys(f"{self.prefix}:*"):
            texts[key] = str(self.contents(key))
        return [name for name, text in texts.items() if any(part in text for part in parts)]

    def contents(self, key):
        kind = self.r.type(key)
        return {"stream": lambda: self.r.xrange(key), "hash": lambda: self.r.hgetall(key),
                # A bitmap is no text.
                "string": lambda: self.r.execute_command("GET", key, NEVER_DECODE=True),
                "list": lambda: self.r.lrange(key, 0, -1),
                "set": lambda: self.r.smembers(key),
                "zset": lambda: self.r.zrange(key, 0, -1)}[kind]()


@check("a worker that dies before a request is in the books leaves its claims, and it is answered once")
def killed_before_admission(stack):
    for step in ("read", "decoded"):
        with Guarded(stack, f"at-{step}") as s:
            s.supervisor()
            sound = token(tier="premium")
            s.ask("r1", authorization=f"Bearer {sound}")
            s.dies(f"{step}=kill")
            wait_until(lambda: s.r.xlen(s.key("requests:retry")), "taken back")
            [(_, again)] = s.r.xrange(s.key("requests:retry"))
            assert "sealed" in again and "authorization" not in again, again
            s.worker("lives")
            event, payload = s.answer("r1")
            assert (event, payload["limits"]["tier"]) == ("result", "premium"), payload
            assert s.events("r1")[-1]["attempt"] == "2"
            s.is_conserved()
            assert s.left_of(sound) == []


@check("a batch whose worker dies goes on with its token's claims, as all of its members do")
def killed_with_a_batch(stack):
    with Guarded(stack, "crowd") as s:
        s.supervisor()
        sound = token()
        members = [{**BODY, "request_id": f"m{number}"} for number in range(5)]
        s.ask("e1", {"user_id": BODY["user_id"], "batch_id": "b1", "batch_priority": "low",
                     "requests": members}, type="batch",
              authorization=f"Bearer {sound}")
        s.dies("read=kill")
        s.worker("lives")
        assert s.totals("b1")["done"] == 5
        assert s.left_of(sound) == []


@check("a token that proves nothing ends its request, although nobody else is there to read it")
def refused(stack):
    with Guarded(stack, "refused") as s:
        supervisor = s.supervisor()
        wrong = {"late": (token(exp=1), "unauthorized"), "other": (token(sub="eve"), "forbidden"),
                 "forged": (token(key=SECRET[::-1]), "unauthorized")}
        for name, (text, _) in wrong.items():
            s.ask(name, authorization=f"Bearer {text}")
        s.dies("read=kill")
        for name, (_, code) in wrong.items():
            event, payload = s.answer(name)
            assert (event, payload["code"]) == ("rejected", code), (name, payload)
        assert s.r.xlen(s.key("requests:retry")) == 0
        s.is_conserved()
        status, page = http(supervisor, "/metrics", CONSOLE_TOKEN)
        assert status == 200 and "strategy_supervisor_refused_total 3" in page
        assert s.left_of(*(text for text, _ in wrong.values())) == []


def http(process, path, bearer=None, method="GET", body=None):
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    if body is not None:
        headers["Content-Type"] = "application/json"
    request = urllib.request.Request(process.health_url + path, body, headers, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@check("over HTTP an operator's token opens everything, a user's his own usage, and others nothing")
def over_http(stack):
    with Guarded(stack, "doors") as s:
        supervisor = s.supervisor()
        ann, user = token(sub="ann", role="operator"), token()
        for bearer in (CONSOLE_TOKEN, ann):
            for path in ("/", "/metrics", "/api/now", "/api/dead"):
                assert http(supervisor, path, bearer)[0] == 200, path
        assert http(supervisor, "/api/pause", ann, "POST", b"{}")[0] == 202
        wait_until(lambda: s.r.hget(s.key("paused"), "by") == "console:ann", "paused by ann")
        # No database keeps usage here, and who may ask is told so.
        own = f"/user/{BODY['user_id']}/usage"
        status, said = http(supervisor, own, user)
        assert status == 503 and "DATABASE_URL" in said, (status, said)
        for path, method in (("/user/eve/usage", "GET"), ("/metrics", "GET"), ("/", "GET"),
                             ("/api/now", "GET"), ("/api/resume", "POST")):
            assert http(supervisor, path, user, method)[0] == 403, path
        for bearer in (None, token(exp=1), token(exp=1, role="operator"),
                       token(key=SECRET[::-1], role="operator")):
            for path in (own, "/metrics", "/api/now"):
                assert http(supervisor, path, bearer)[0] == 401, path
        assert http(supervisor, "/health")[0] == 200
        login = json.dumps({"token": ann, "name": "x"}).encode()
        assert http(supervisor, "/login", None, "POST", login)[0] == 204
        assert s.left_of(ann, user) == []


class Desk(Guarded):
    def ctl(self, *arguments, text="", status=0, **variables):
        environment = {"PATH": os.environ["PATH"], "REDIS_URL": self.stack.redis_url,
                       "STREAM_PREFIX": self.prefix, "LANG": "C.UTF-8", **variables}
        done = subprocess.run([program("strategyctl"), *arguments], input=text, env=environment,
                              cwd=self.stack.folder, capture_output=True, text=True, timeout=60)
        said = done.stdout + done.stderr
        assert done.returncode == status, (arguments, done.returncode, said)
        return said

    def file(self, text):
        path = self.stack.folder / f"{self.prefix}.token"
        path.write_text(text)
        path.chmod(0o600)
        return str(path)


@check("strategyctl sends a token from a file or a variable, says nothing of it, and refuses what is none")
def from_the_desk(stack):
    with Desk(stack, "desk") as s:
        s.supervisor()
        s.worker("w")
        sound, told = token(tier="premium"), []
        asked = json.dumps(BODY)
        lines = "\n".join(json.dumps({**BODY, "user_intent": f"income {n}"}) for n in range(5))
        told.append(s.ctl("submit", "-", text=asked, status=2))
        assert "unauthorized" in told[-1], told[-1]
        told.append(s.ctl("submit", "-", "--token-file", s.file(sound + "\n"), text=asked))
        told.append(s.ctl("submit", "-", "--json", text=asked, AUTH_TOKEN=sound))
        assert '"tier":"premium"' in told[-1], told[-1]
        # The file's comes before the variable's.
        eve = token(sub="eve")
        told.append(s.ctl("submit", "-", "--token-file", s.file(f"Bearer {sound}"), text=asked,
                          AUTH_TOKEN=eve))
        told.append(s.ctl("submit", "-", text=asked, status=2, AUTH_TOKEN=eve))
        assert "forbidden" in told[-1], told[-1]
        told.append(s.ctl("batch", "-", "--json", text=lines, AUTH_TOKEN=sound))
        assert '"result":5' in told[-1].replace(" ", ""), told[-1]
        told.append(s.ctl("batch", "-", "--json", "--run", "none", text=lines, status=1))
        assert "rejected, unauthorized" in told[-1], told[-1]
        letter = s.r.xadd(s.key("dead"), {
            "reason": "5 attempts were not finished by their workers", "queue": "high",
            "entry_id": "1-1", "at": "1", "attempts": "5", "bytes_cut": "0",
            "entry.request_id": "lost", "entry.payload": asked, "entry.sealed": "free.00"})
        told.append(s.ctl("dead", "replay", letter))
        assert "none is kept" in told[-1], told[-1]
        told.append(s.ctl("dead", "replay", letter, "--yes", AUTH_TOKEN=sound))
        assert s.answer("lost.r1")[0] == "result"
        for wrong in ("two words", "", "t\u00f6ken", "x" * 9_000):
            said = s.ctl("submit", "-", "--token-file", s.file(wrong), text=asked,
                         status=66 if len(wrong) > 8_192 else 64)
            assert "--token-file" in said and (not wrong or wrong not in said), said
        s.ctl("submit", "-", "--token-file", "/no/such/file", text=asked, status=66)
        assert not any(part in text for text in told for one in (sound, eve)
                       for part in one.split(".")[1:])
        assert s.left_of(sound, eve) == []


@check("a load test signs tokens for its users, and says what is wrong with a secret without a word of it")
def bench_with_tokens(stack):
    with Desk(stack, "load") as s:
        s.supervisor()
        s.worker("w")
        load = ["bench", "--concurrency", "2", "--seconds", "0.5", "--users", "2", "--json"]
        counted = json.loads(s.ctl(*load))
        assert counted["codes"] == {"unauthorized": counted["asked"]}, counted
        secret = s.file(SECRET + "\n")
        signed = [*load, "--token-secret-file", secret, "--audience", "mip"]
        for told in (s.ctl(*signed), s.ctl(*load, AUTH_HS256_SECRET=SECRET, AUTH_AUDIENCE="mip")):
            counted = json.loads(told)
            assert counted["events"] == {"result": counted["asked"]}, counted
        batches = ["bench", "--rate", "2", "--batch", "3", "--seconds", "1", "--json"]
        counted = json.loads(s.ctl(*batches, "--token-secret-file", secret, "--audience", "mip"))
        assert counted["events"] and counted["codes"] == {}, counted
        said = s.ctl(*load, "--token-secret-file", s.file("short"), status=64)
        assert "5 bytes" in said and "short" not in said, said
        s.ctl(*load, "--token-secret-file", "/no/such/file", status=66)


if __name__ == "__main__":
    with Stack() as stack:
        run(stack)
