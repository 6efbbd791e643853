#!/usr/bin/env python3
"""The console in a real browser: who may see it, what it shows, what can be done in it, and that it
says what is wrong. Pictures of it are left in .build/console."""
import json
import os
import pathlib
import signal
import sys
import time
import urllib.error
import urllib.request

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "DocumentTests")]
from support.checks import check, run, wait_until
from support.documents import ROOT
from support.stack import CONSOLE_TOKEN, Stack, fetch, freeze
from webdriver import Browser, missing

PICTURES = ROOT / ".build/console"
STREAM = "strategy:{0}:requests:normal"


def body(user="ann", intent="a conservative income strategy"):
    return json.dumps({
        "user_id": user, "user_intent": intent,
        "market_context": {"symbol": "SPY", "current_price": 450.0, "vix": 18.5}})


class Room:
    """A stack, and a browser that looks at it."""

    def __init__(self, stack, browser):
        self.stack, self.browser = stack, browser
        self.url = stack.supervisor.health_url
        self.count = 0

    def ask(self, number=1, **fields):
        ids = []
        for _ in range(number):
            self.count += 1
            ids.append(f"c{self.count}")
            self.stack.redis.xadd(
                STREAM, {"request_id": ids[-1], "payload": body(f"u{self.count % 7}"), **fields})
        return ids

    def answered(self, ids):
        wait_until(lambda: all(self.stack.redis.exists(f"strategy:{{0}}:reply:{id}") for id in ids),
                   "all answered")

    def now(self):
        return json.loads(fetch(self.url + "/api/now"))


def status(url, token=None, method="GET", **headers):
    request = urllib.request.Request(url, method=method, headers=headers)
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@check("nothing but health is open: each path asks who you are, and a wrong token opens none")
def closed(room):
    for path in ("/", "/metrics", "/api/now", "/api/live", "/api/dead", "/api/requests/c1",
                 "/user/ann/usage", "/nothing"):
        for token in (None, "", "wrong", CONSOLE_TOKEN + "x", CONSOLE_TOKEN[:-1]):
            assert status(room.url + path, token) == 401, (path, token)
    for path in ("/api/pause", "/api/dead/replay", "/api/dead/drop", "/logout"):
        assert status(room.url + path, method="POST") == 401, path
    for path in ("/health", "/health/live", "/health/ready", "/assets/console.css"):
        assert status(room.url + path) == 200, path
    assert status(room.url + "/metrics", CONSOLE_TOKEN) == 200


@check("pages carry no inline script or style, ask no other host, and say so to the browser")
def headers(room):
    request = urllib.request.Request(room.url + "/")
    request.add_header("Authorization", f"Bearer {CONSOLE_TOKEN}")
    with urllib.request.urlopen(request, timeout=10) as answer:
        page, policy = answer.read().decode(), answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "'unsafe" not in policy and "default-src 'none'" in policy and "frame-ancestors" in policy
    assert "style=" not in page and "://" not in page and " onclick" not in page, page


@check("whoever signs in with the token is let in, and his session cannot be read by a script")
def sign_in(room):
    browser = room.browser
    browser.open(room.url)
    browser.shows("CONSOLE_TOKEN")
    browser.picture(PICTURES / "login.png")
    browser.type("#token", "not-the-token-at-all")
    browser.press("\ue007")
    browser.shows("this is not the token", "#said")
    browser.type("#token", CONSOLE_TOKEN)
    browser.type("#name", "Ann on call")
    browser.press("\ue007")
    browser.shows("live", "#link")
    assert browser.run("return document.cookie") == ""
    # A refused sign-in is told by the browser too; nothing else may be.
    said = [line for line in browser.complaints() if "401" not in line and "DOM]" not in line]
    assert said == [], said


@check("what has never been used says what to do first")
def empty(room):
    text = room.browser.shows("No request has ended yet")
    for words in ("nothing waits", "No answer yet. Ask for one", "No dead letters", "No breaker is open",
                  "Give the id of a request"):
        assert words in text, words
    room.browser.picture(PICTURES / "empty.png")


@check("figures are those of the service, and the same as in its metrics")
def figures(room):
    room.answered(room.ask(40))
    room.stack.redis.xadd(STREAM, {"request_id": "bad", "payload": "{}"})
    room.stack.redis.xadd(STREAM, {"payload": "names no request"})
    room.stack.redis.xadd(STREAM, {"request_id": "c1", "payload": body("somebody else")})
    room.answered(["bad"])
    wait_until(lambda: room.stack.redis.xlen("strategy:{0}:dead") == 2, "two dead letters")
    wait_until(lambda: room.now()["totals"]["ended"] == 41, "41 ended")
    room.browser.shows("41 ended in all", "#figures")
    page = fetch(room.url + "/metrics")
    assert 'gpt4_strategy_requests_total{outcome="result",code="none"} 40\n' in page
    assert 'gpt4_strategy_requests_total{outcome="rejected",code="invalid_request"} 1\n' in page
    assert 'gpt4_strategy_jobs_dead 2.0\n' in page
    text = room.browser.text("#outcomes")
    assert "rejected: invalid request" in text and "40" in text, text
    assert "u1" not in page and '"c1"' not in page
    for line in room.browser.text("#workers").splitlines():
        if "alive" in line:
            break
    else:
        raise AssertionError("no worker is shown")


@check("a worker that stands still: within a minute it says why the lag grows; once it goes on, all is well")
def stopped_worker(room):
    freeze(room.stack.worker)
    try:
        start = time.monotonic()
        ids = room.ask(25)
        room.browser.shows("no worker shows a sign of life", "#findings")
        text = room.browser.shows("kill -CONT", "#findings")
        assert time.monotonic() - start < 60 and "Start one" in text, text
        room.browser.shows("25", "#figures")
        room.browser.picture(PICTURES / "stopped-worker.png")
    finally:
        room.stack.worker.send_signal(signal.SIGCONT)
    room.answered(ids)
    room.browser.gone("sign of life", "#findings")


@check("a partition is paused and resumed with two clicks, and everybody sees by whom")
def pause(room):
    browser = room.browser
    browser.click("#queues tbody button")
    browser.shows("Pause partition 0?", "#ask")
    browser.click("#ask button[value=no]")
    assert room.now()["partitions"][0]["paused"] is None
    browser.click("#queues tbody button")
    browser.click("#ask button[value=yes]")
    browser.shows("paused by console:Ann on call", "#findings")
    wait_until(lambda: "console:Ann" in fetch(room.stack.worker.health_url + "/health"),
               "the worker knows it")
    ids = room.ask(3)
    # A worker that was waiting for one when the pause came has taken it.
    wait_until(lambda: int(browser.text("#figures .figure strong")) >= 2, "they wait")
    browser.picture(PICTURES / "paused.png")
    browser.click("#findings button")
    browser.click("#ask button[value=yes]")
    browser.gone("paused by", "#findings")
    room.answered(ids)


@check("a dead letter is looked at, replayed and dropped; what a user wrote is not shown")
def dead_letters(room):
    browser = room.browser
    browser.shows("c1", "#dead tbody")
    browser.click("#dead tbody tr:first-child button")
    text = browser.shows("Dead letter", "#ask")
    assert "kept from view" in text and "conservative" not in text, text
    browser.press("\ue00c")
    place = browser.run("""
        const rows = [...document.querySelectorAll('#dead tbody tr')];
        return rows.findIndex(row => row.children[3].textContent === 'c1') + 1;""")
    browser.click(f"#dead tbody tr:nth-child({place}) input")
    browser.click("#dead-replay")
    browser.click("#ask button[value=yes]")
    browser.shows("replayed as c1.r1", "#dead-said")
    room.answered(["c1.r1"])
    wait_until(lambda: room.stack.redis.xlen("strategy:{0}:dead") == 1, "one is left")
    wait_until(lambda: browser.run("return document.querySelectorAll('#dead tbody input').length") == 1,
               "one is shown")
    browser.click("#dead-all")
    browser.click("#dead-drop")
    browser.click("#ask button[value=yes]")
    browser.shows("1 dropped", "#dead-said")
    browser.shows("No dead letters", "#dead")


@check("a request's life is told, by keyboard alone; one that is not known says so")
def life(room):
    browser = room.browser
    browser.run("document.activeElement.blur()")
    browser.press("/")
    assert browser.run("return document.activeElement.id") == "life-id"
    browser.type("#life-id", "c1.r1")
    browser.press("\ue007")
    text = browser.shows("answered", "#life-body")
    for words in ("added", "asked", "result", "tokens in"):
        assert words in text, text
    browser.type("#life-id", "nobody-knows")
    browser.press("\ue007")
    browser.shows("nothing is known of nobody-knows", "#life-body")
    browser.type("#life-id", "c1")
    browser.press("\ue007")
    browser.shows("answered", "#life-body")


@check("it fits a phone, in light and dark: nothing is cut off at the side")
def fits(room):
    browser = room.browser
    for name, width, height, dark in (("light", 1400, 900, False), ("dark", 1400, 900, True),
                                      ("phone", 390, 844, False), ("phone-dark", 390, 844, True)):
        browser.resize(width, height)
        browser.darken(dark)
        wait_until(lambda: browser.run(
            "return document.querySelectorAll('svg.chart path.line').length") > 0, "curves")
        wide = browser.run("return document.documentElement.scrollWidth")
        assert wide <= width, f"{name}: {wide} pixels wide"
        browser.run("scrollTo(0, 0)")
        browser.picture(PICTURES / f"{name}.png")
    browser.darken(False)
    browser.resize(1400, 900)


@check("every control has a name and can be reached by keyboard")
def reachable(room):
    nameless = room.browser.run("""
        return [...document.querySelectorAll('button, input, a, svg.chart, progress')].filter(one =>
            one.checkVisibility() && !(one.innerText || one.getAttribute('aria-label') || one.labels?.length))
            .map(one => one.outerHTML.slice(0, 120));""")
    assert nameless == [], nameless
    room.browser.run("document.querySelector('svg.chart').focus()")
    room.browser.press("\ue012", "\ue012")
    assert room.browser.run("return document.querySelectorAll('svg .cross').length") == 1


@check("Redis away, and back: it is said, and what is shown is kept")
def redis_away(room):
    server = room.stack.processes[0]
    freeze(server)
    try:
        room.browser.shows("Redis does not answer", "#findings")
        room.browser.shows("ended in all", "#figures")
    finally:
        server.send_signal(signal.SIGCONT)
    room.browser.gone("Redis does not answer", "#findings")


@check("the browser complained of nothing")
def complaints(room):
    said = [line for line in room.browser.complaints() if "404" not in line and "503" not in line]
    assert said == [], said


@check("who signs out is out; who guesses five times a minute may guess no more")
def sign_out(room):
    browser = room.browser
    browser.click("#leave")
    browser.shows("CONSOLE_TOKEN")
    for _ in range(6):
        wrong = urllib.request.Request(
            room.url + "/login", json.dumps({"token": "wrong"}).encode(),
            {"Content-Type": "application/json"}, method="POST")
        try:
            urllib.request.urlopen(wrong, timeout=10)
        except urllib.error.HTTPError as error:
            code = error.code
            waits = error.headers["Retry-After"]
    assert code == 429 and 1 <= int(waits) <= 60, (code, waits)
    browser.type("#token", CONSOLE_TOKEN)
    browser.press("\ue007")
    browser.shows("too many wrong tokens", "#said")
    log = (room.stack.folder / "supervisor.log").read_text()
    assert "an operator signed in" in log and "a wrong console token" in log
    for secret in (CONSOLE_TOKEN, "not-the-token"):
        lines = [line for line in log.splitlines() if secret in line]
        assert lines == [], lines


@check("a supervisor that is told to stop ends within seconds, whoever looks on")
def stops(room):
    request = urllib.request.Request(room.url + "/api/live")
    request.add_header("Authorization", f"Bearer {CONSOLE_TOKEN}")
    with urllib.request.urlopen(request, timeout=10) as live:
        assert live.readline().startswith(b"event: past")
        room.stack.supervisor.send_signal(signal.SIGTERM)
        assert room.stack.supervisor.wait(10) == 0


if lacking := missing():
    print(f"skipped: {lacking}")
    sys.exit(0)
with Stack() as stack:
    browser = Browser()
    try:
        run(Room(stack, browser))
    finally:
        browser.close()
