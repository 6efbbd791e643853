#!/usr/bin/env python3
"""`strategyctl cancel`, `pause`, `resume` and `batch` beside real workers and supervisors."""
import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.error

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from service import BODY, Service
from support.checks import check, run, wait_until
from support.stack import Stack, fetch, program

SLOW = {"mode": "slow", "latency_ms": "2500"}


class Desk(Service):
    """The service, and an operator at its desk."""

    def command(self, *arguments):
        environment = {"PATH": os.environ["PATH"], "REDIS_URL": self.stack.redis_url,
                       "STREAM_PREFIX": self.prefix, "USER": "ann",
                       "PARTITIONS": self.common.get("PARTITIONS", "1")}
        return [program("strategyctl"), *arguments], {
            "env": environment, "cwd": self.stack.folder, "text": True}

    def ctl(self, *arguments, status=0, text=None):
        """What it prints, in both places; its exit status is looked at."""
        words, how = self.command(*arguments)
        done = subprocess.run(words, input=text or "", capture_output=True, timeout=60, **how)
        assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
        return done.stdout + ("" if "--json" in arguments else done.stderr)

    def told_json(self, *arguments, status=0, text=None):
        return json.loads(self.ctl(*arguments, "--json", status=status, text=text))

    def calling(self, request_id):
        wait_until(lambda: "calling" in self.r.hgetall(self.key(f"request:{request_id}")),
                   f"{request_id} is at the model")

    def lines(self, name, bodies):
        path = self.stack.folder / name
        path.write_text("".join(
            (one if isinstance(one, str) else json.dumps(one)) + "\n" for one in bodies))
        return str(path)

    def calls(self):
        return json.loads(fetch(self.stack.simulator_url + "/simulator/usage"))["total"]["calls"]


def bodies(count, **more):
    return [{**BODY, "user_intent": f"income {number}", **more} for number in range(count)]


def answers(path):
    return [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]


@check("cancel: what nobody has read is remembered, what runs ends, what has ended stays")
def cancels(stack):
    with Desk(stack, "taking") as s:
        s.supervisor()
        s.ask("r1")
        told = s.ctl("cancel", "r1", "--by", "desk 7")
        assert "not read yet" in told, told
        s.worker("w")
        wait_until(lambda: s.ends("r1") == ["cancelled"], "it ends when it is read")
        assert json.loads(s.events("r1")[-1]["payload"])["by"] == "desk 7"
        assert "r1 is cancelled" in s.ctl("cancel", "r1")

        stack.misbehave(SLOW)
        s.ask("r2")
        s.calling("r2")
        taken = s.told_json("cancel", "r2")
        assert taken["outcome"] == "cancelled" and taken["cost_usd"] > 0, taken
        assert s.ends("r2") == ["cancelled"]
        assert json.loads(s.events("r2")[-1]["payload"])["by"] == "ann", "who is at the desk"

        stack.misbehave()
        s.ask("r3")
        wait_until(lambda: s.ends("r3") == ["result"], "answered")
        assert "had ended already, as result" in s.ctl("cancel", "r3", status=1)
        s.r.delete(s.key("reply:r3"))
        assert s.told_json("cancel", "r3", status=1)["code"] == "result"
        s.ctl("cancel", "a b", status=64)
        s.ctl("cancel", status=64)
        s.ctl("cancel", "r1", "--batch", "b1", status=64)
        s.ctl("cancel", "r1", "--by", "x" * 129, status=64)


@check("cancel --batch: members that run end at once, the others when they are read")
def cancels_batch(stack):
    with Desk(stack, "whole") as s:
        s.supervisor()
        s.worker("w", MAX_CONCURRENT_REQUESTS="5")
        stack.misbehave(SLOW)
        members = s.batch("e1", 20)
        s.calling(members[0])
        taken = s.told_json("cancel", "--batch", "b-e1")
        totals = s.totals("b-e1")
        assert taken["outcome"] == "cancelled" and taken["totals"]["size"] == 20, taken
        assert taken["totals"]["cancelled"] == totals["cancelled"] == 20, (taken, totals)
        s.adds_up("b-e1", members, totals)
        assert "of 20 20 cancelled" in s.ctl("cancel", "--batch", "b-e1")
        assert "remembered" in s.ctl("cancel", "--batch", "never-came")
        # By the request that brought it.
        members = s.batch("e2", 8)
        s.calling(members[0])
        assert s.told_json("cancel", "e2")["totals"]["size"] == 8
        s.adds_up("b-e2", members, s.totals("b-e2"))


@check("while no supervisor runs an order stands, and says so; it is carried out when one does")
def stands(stack):
    with Desk(stack, "unheard") as s:
        assert "supervisor running" in s.ctl("cancel", "r1", "--wait", "0.1", status=4)
        assert s.told_json("cancel", "r2", "--wait", "0.1", status=4)["outcome"] == "pending"
        assert "supervisor running" in s.ctl("pause", "--wait", "0.1", status=4)
        s.supervisor()
        wait_until(lambda: s.r.exists(s.key("cancelled:r1"), s.key("cancelled:r2")) == 2, "done")
        wait_until(lambda: s.r.hget(s.key("paused"), "by") == "ann", "paused")


@check("pause: what runs finishes, nothing new starts, health says so; resume: it goes on")
def pauses(stack):
    with Desk(stack, "still") as s:
        s.supervisor()
        worker = s.worker("w")
        stack.misbehave(SLOW)
        s.ask("r1")
        s.calling("r1")
        told = s.told_json("pause", "--by", "bob")
        [state] = told["partitions"]
        assert (state["outcome"], state["paused"], state["by"]) == ("done", True, "bob"), told
        assert state["in_flight"] == 1, told
        wait_until(lambda: "bob" in health(worker), "the worker knows")
        s.ask("r2")
        wait_until(lambda: s.ends("r1") == ["result"], "what ran has finished")
        again = s.ctl("pause", "0")
        assert "was paused already, by bob" in again and "1 request waits" in again, again
        assert not s.ends("r2") and s.r.hgetall(s.key("request:r2")) == {}
        s.ctl("pause", "1", status=64)
        assert "partition 0 goes on" in s.ctl("resume")
        wait_until(lambda: s.ends("r2") == ["result"], "what waited is answered")
        assert s.told_json("resume")["partitions"][0]["outcome"] == "already"
        wait_until(lambda: "bob" not in health(worker), "the worker goes on")


def health(process):
    try:
        return fetch(process.health_url + "/health")
    except urllib.error.HTTPError as error:
        return error.read().decode()


@check("batch: each line is answered once, wrong ones are told, and again it pushes nothing")
def batches(stack):
    with Desk(stack, "many") as s:
        s.supervisor()
        s.worker("w")
        dear = {**BODY, "market_context": {"symbol": "SPY", "current_price": "dear"}}
        poor = {**BODY, "request_id": "mine", "max_cost_usd": 0.0001}
        file = s.lines("requests.jsonl", [
            *bodies(30), "", '{"user_id":', dear, poor, {**BODY, "request_id": "mine"},
            bodies(1)[0], {**BODY, "request_id": "a b"}])
        checked = s.ctl("batch", file, "--check", status=1)
        for wrong in ("line 32: expected valid JSON", "line 33: /market_context/current_price",
                      "line 35: request_id: stands in line 34 already", "line 37: /request_id",
                      "32 requests are in order, 4 lines are not"):
            assert wrong in checked, checked
        assert s.r.xlen(s.key("requests:low")) == 0
        out = str(stack.folder / "many.jsonl")
        before = s.calls()
        summary = s.told_json("batch", file, "--out", out, status=1)
        assert summary["outcomes"] == {"result": 31, "rejected, max_cost_too_low": 1}, summary
        assert summary["pushed"] == 32 and summary["wrong_lines"] == 4, summary
        assert summary["sources"] == {"model": 31} and summary["cost_usd"] > 0, summary
        assert 0 < summary["total_ms"]["p50"] <= summary["total_ms"]["longest"], summary
        assert s.calls() - before == 31
        rows = answers(out)
        assert {row["line"] for row in rows} == {*range(1, 31), 34, 36}
        assert len(rows) == 32 and all(row["payload"] for row in rows)
        [batch] = summary["batches"]
        assert s.totals(batch)["done"] == 31

        added = s.r.xinfo_stream(s.key("requests:low"))["entries-added"]
        again = s.told_json("batch", file, "--out", out, status=1)
        assert again["answered_before"] == 32 and again["pushed"] == 0, again
        assert again["cost_usd"] == summary["cost_usd"], (again, summary)
        pathlib.Path(out).unlink()
        # From the reply streams, while they can be read; afterwards from what is remembered.
        assert s.told_json("batch", file, "--out", out, status=1)["pushed"] == 0
        assert len(answers(out)) == 32
        for row in rows:
            s.r.delete(s.key(f"reply:{row['request_id']}"))
        gone = s.told_json("batch", file, status=1)
        assert gone["pushed"] == 0 and gone["outcomes"]["result"] == 31, gone
        assert s.r.xinfo_stream(s.key("requests:low"))["entries-added"] == added
        fresh = s.told_json("batch", "-", "--run", "anew", text=json.dumps(bodies(1)[0]))
        assert fresh["pushed"] == 1 and fresh["unanswered"] == 0, fresh
        other = json.dumps({**BODY, "user_intent": "another", "request_id": "mine"})
        taken = s.ctl("batch", "-", status=1, text=other)
        assert "another request's" in taken and "request_id_conflict" in taken, taken


@check("batch: killed in the middle, it goes on: nothing is asked twice, nothing is left out")
def goes_on(stack):
    with Desk(stack, "killed") as s:
        s.supervisor()
        s.worker("w", MAX_CONCURRENT_REQUESTS="20")
        stack.misbehave({"mode": "slow", "latency_ms": "150"})
        file = s.lines("long.jsonl", bodies(300))
        out = stack.folder / "long-answers.jsonl"
        before = s.calls()
        words, how = s.command("batch", file, "--out", str(out), "--priority", "normal")
        first = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **how)
        wait_until(lambda: out.exists() and len(out.read_text().splitlines()) > 20, "some answers")
        first.kill()
        first.wait()
        with out.open("a") as cut:
            cut.write('{"line":1,"request_id":"cut')
        summary = s.told_json("batch", file, "--out", str(out), "--priority", "normal")
        assert summary["outcomes"] == {"result": 300} and summary["answered_before"] > 20, summary
        rows = [line for line in out.read_text().splitlines() if not line.endswith('"cut')]
        names = [json.loads(line)["request_id"] for line in rows]
        assert len(names) == len(set(names)) == 300, (len(names), len(set(names)))
        assert s.calls() - before == 300
        s.is_conserved()


@check("batch: nothing is added while the service accepts nothing, and then all is")
def holds_back(stack):
    with Desk(stack, "held") as s:
        s.supervisor()
        s.worker("w")
        s.ctl("pause")
        wait_until(lambda: s.r.hget(s.key("load"), "accepting") == "0", "not accepting")
        file = s.lines("held.jsonl", bodies(5))
        words, how = s.command("batch", file)
        held = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how)
        time.sleep(1.5)
        assert held.poll() is None and s.r.xlen(s.key("requests:low")) == 0
        s.ctl("resume")
        printed, said = held.communicate(timeout=30)
        assert held.returncode == 0, (printed, said)
        assert "result" in printed and "held back: the service accepts nothing" in said, said
        assert "\r" not in said and "\x1b" not in said, "no bar where there is no terminal"


@check("batch and cancel find the partitions, and what they cannot know they ask for")
def partitions(stack):
    with Desk(stack, "parted", PARTITIONS="3") as s:
        s.supervisor()
        s.worker("w")
        users = [{**body, "user_id": f"user{number}"} for number, body in enumerate(bodies(30))]
        summary = s.told_json("batch", s.lines("parted.jsonl", users))
        assert summary["outcomes"] == {"result": 30} and len(summary["batches"]) == 3, summary
        assert "known in no partition" in s.ctl("cancel", "unknown", status=64)
        assert "remembered" in s.ctl("cancel", "unknown", "--user", "user1")
        s.r.xadd("parted:{1}:requests:low", {
            "request_id": "known", "payload": "{}", "deadline_ms": "100"})
        wait_until(lambda: s.r.exists("parted:{1}:reply:known"), "rejected")
        assert s.told_json("cancel", "known", status=1)["partition"] == 1
        assert [one["outcome"] for one in s.told_json("pause", "2", "0")["partitions"]] == [
            "done", "done"]
        assert [one["outcome"] for one in s.told_json("resume")["partitions"]] == [
            "done", "already", "done"]


@check("dead replay: a new request, with all its time, that says everywhere what it asks again")
def replays(stack):
    with Desk(stack, "again") as s:
        s.supervisor()
        s.worker("w")
        letter = s.r.xadd(s.key("dead"), {
            "reason": "5 attempts were not finished by their workers", "queue": "high",
            "entry_id": "1-1", "at": "1", "attempts": "5", "bytes_cut": "0",
            "entry.request_id": "lost", "entry.payload": json.dumps(BODY),
            "entry.deadline_ms": "20000", "entry.deadline_at": "1", "entry.attempt": "5"})
        s.ctl("dead", "replay", letter, "--yes")
        wait_until(lambda: s.ends("lost.r1") == ["result"], "answered")
        assert s.events("lost.r1")[-1]["replay_of"] == "lost"
        assert s.events("lost.r1")[-1]["attempt"] == "1"
        assert s.r.hget(s.key("request:lost.r1"), "replay_of") == "lost"
        said = [json.loads(line) for line in s.stack.log("again-w").splitlines()[-5:]]
        assert [line["replay_of"] for line in said if line.get("request_id") == "lost.r1"] == [
            "lost"], said
        assert "replay of  lost" in s.ctl("explain", "lost.r1")


@check("explain: who had it when it was lost, what that cost, and how it ended")
def explains(stack):
    with Desk(stack, "told") as s:
        s.supervisor()
        stack.misbehave(SLOW)
        first = s.worker("first", CONSUMER_NAME="first")
        s.ask("r1")
        s.calling("r1")
        first.kill()
        first.wait()
        stack.misbehave()
        s.worker("second", CONSUMER_NAME="second")
        wait_until(lambda: s.ends("r1") == ["result"], "answered by another")
        [life] = s.told_json("explain", "r1")["partitions"]
        [lost] = [one for one in life["moments"] if one["what"] == "lost"]
        assert lost["payer"] == "house" and lost["cost_usd"] > 0, lost
        assert lost["detail"].startswith("first had it at the model"), lost
        [end] = [one for one in life["moments"] if one["what"] == "result"]
        assert end["attempt"] == 2 and end["payer"] == "user", end
        assert "by model, verdict " in end["detail"], end


if __name__ == "__main__":
    os.environ.setdefault("LANG", "C.UTF-8")
    with Stack() as stack:
        run(stack)
