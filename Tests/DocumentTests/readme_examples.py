#!/usr/bin/env python3
"""Executes the README's examples, and holds its tables against the programs and the sources."""
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from support.checks import check, run, wait_until
from support.documents import ROOT, Document, code
from support.stack import Stack, fetch, program

README = Document("README.md")


@check("every example runs; what begins with make is a word of the Makefile")
def examples_run(stack):
    stack.outputs = []
    for language, text, line in README.blocks():
        if language == "sh" and "make run" in text:
            continue  # the stack's own tests do that, in a checkout of its own
        if language == "sh":
            stack.outputs.append(stack.shell(text))
        else:
            is_picture = "XADD requests" in text
            assert language == "text" or is_picture, f"line {line}: nothing tests this block"
    words = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.M)
    named = re.findall(r"(?:^|`)make ([a-z-]+)", README.text, re.M)
    assert "run" in named and set(named) <= set(words), set(named) - set(words)


@check("the answer that is shown is the one that comes")
def shown_answer(stack):
    shown = next(text for language, text, _ in README.blocks() if language == "text")
    # Ids, dates and prices differ from day to day; an ellipsis stands for any lines.
    pattern = "(?:.*\n)*?".join(re.escape(part) for part in normal(shown).split("…\n"))
    assert re.match(pattern, normal(stack.outputs[0])), normal(stack.outputs[0])


def normal(text):
    text = re.sub(r"\d[\d.,]*", "0", re.sub(r"ctl-\w+", "ctl-ID", text))
    lines = [re.sub(r"\s+", " ", line).strip() for line in text.splitlines()]
    return "".join(line + "\n" for line in lines if line)


@check("the configuration tables are what --help says")
def configuration(stack):
    compare_settings("strategy-worker", "variable")
    compare_settings("strategy-supervisor", "supervisor's variable")


def compare_settings(name_of_program, first_column):
    told = printed(name_of_program, "--help")
    table = told[told.index("ENVIRONMENT VARIABLES"):told.index("EXIT STATUS")]
    # A line that was wrapped goes on at the margin.
    lines = re.sub(r"\n(?!  )", " ", table).splitlines()[1:]
    helped = {}
    for line in filter(str.strip, lines):
        name, meaning = re.fullmatch(r"  ([A-Z0-9_]+) +(.*?)\s*", line).groups()
        default = re.search(r" \[([^\[\]]+)\]$", meaning)
        cut = default.start() if default else None
        helped[name] = (default[1] if default else "", meaning[:cut])
    written = {code(cells[0])[0]: ((code(cells[1]) or [""])[0], cells[2])
               for cells in README.table("Configuration", first_column)}
    for name in helped.keys() | written.keys():
        assert helped.get(name) == written.get(name), (name, helped.get(name), written.get(name))
    assert list(helped) == list(written), "in another order"
    in_force = printed(name_of_program, "--show-settings")
    in_force = dict(re.findall(r"^([A-Z0-9_]+)=(.*)  # default$", in_force, re.M))
    assert in_force == {name: default for name, (default, _) in helped.items()}


def printed(name, flag):
    return subprocess.run(
        [program(name), flag], env={"PATH": os.environ["PATH"]}, check=True,
        capture_output=True, text=True).stdout


@check("every metric that is named exists")
def metrics(stack):
    page = "".join(fetch(process.health_url + "/metrics")
                   for process in (stack.worker, stack.supervisor))
    named = set(re.findall(r"\b(?:strategy|process)_[a-z_]+\b", README.text))
    assert named, "the README names no metric"
    for name in named:
        assert re.search(rf"^# TYPE {name} ", page, re.M), name
    assert re.search(r'^strategy_worker_model_calls_total\{outcome="', page, re.M)


@check("the commands to look with run, and health says what they say it does")
def commands_run(stack):
    for cells in README.table("Where to look when it breaks", "you see"):
        for command in code(cells[1]):
            if command.startswith(("curl ", "redis-cli ")):
                stack.shell(command.replace('-u "$REDIS_URL" ', ""))
            if command.startswith("strategyctl "):
                # Placeholders stand for what there is none of here.
                words = [word for word in command.split()[1:] if not word.isupper()]
                stack.shell(f'{program("strategyctl")} {" ".join(words)} --help')
    health = fetch(stack.worker.health_url + "/health")
    assert '"checks":[' in health and '"detail":' in health, health
    group = stack.shell("redis-cli XINFO GROUPS 'strategy:{0}:requests:normal'").splitlines()
    assert "lag" in group, group


@check("a worker that cannot start ends with the status and names the variable")
def start_failures(stack):
    bad = stack.spawn("bad", [program("strategy-worker")], REQUEST_TIMEOUT="soon")
    assert bad.wait(30) == 78 and "REQUEST_TIMEOUT" in stack.log("bad")


@check("the answers to what the caller gets wrong are the exit statuses of strategyctl")
def exit_statuses(stack):
    submit = f'{program("strategyctl")} submit --user u --symbol SPY --price 450'
    assert stack.shell(f"{submit} --intent ' ' || echo status $?").splitlines()[-1] == "status 2"
    stack.misbehave({"status": 500})
    told = stack.shell(f"{submit} --intent income && echo status $?").splitlines()
    assert told[-1] == "status 0" and any("upstream_error" in line for line in told), told
    stack.misbehave()


@check("a request's life can be told, and a stack that is well is told to be")
def operators(stack):
    ctl = program("strategyctl")
    stack.shell(f"{ctl} submit --request-id told --user u --symbol SPY --price 450 --intent income")
    life = stack.shell(f"{ctl} explain told")
    for word in ("ended, result", "asked", "answered", "tokens in", "user"):
        assert word in life, life
    assert "max loss" in stack.shell(f"{ctl} answer told")
    assert "All is well" in stack.shell(f"{ctl} doctor"), "doctor"
    assert stack.shell(f"{ctl} explain nobody || echo status $?").splitlines()[-1] == "status 1"


@check("the source tour names every folder of Sources")
def source_tour(stack):
    named = set()
    for cells in README.table("Source tour, data first", "room"):
        named |= set(re.findall(r"\(Sources/(\w+)\)", cells[0]))
    there = {path.name for path in (ROOT / "Sources").iterdir() if path.is_dir()}
    assert named == there, f"missing {there - named}, gone {named - there}"


@check("whoever frees and is freed exists in the sources")
def owners(stack):
    source = "".join(path.read_text() for path in (ROOT / "Sources").rglob("*")
                     if path.suffix in {".swift", ".c", ".cpp", ".h"})
    for cells in README.table("Who frees what", "C object"):
        for span in (span for cell in cells for span in code(cell)):
            for name in re.findall(r"\w+", span):
                assert re.search(rf"\b{name}\b", source), name


@check("it is short")
def short(stack):
    # The tables of settings and of rooms grow with the service; what is to be read must not.
    read = [line for line in README.text.split("\n") if not line.startswith(("| `", "| ["))]
    assert len(read) <= 170, f"the README grows to {len(read)} lines: move it to where it belongs"


if __name__ == "__main__":
    with Stack() as stack:
        stack.supervisor = stack.start_supervisor()
        wait_until(lambda: stack.redis.exists("strategy:{0}:lease"), "a supervisor leads")
        run(stack)
