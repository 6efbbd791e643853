"""A run of checks: each is a sentence and a function; the last line counts them."""
import sys
import time
import traceback

class Skipped(Exception):
    """This machine cannot have what a check needs; says what."""


SECONDS = 30  # within which what must happen happens, on a busy machine

_checks = []


def check(sentence):
    """Marks a function as one check; they run in the order they stand."""
    def add(function):
        _checks.append((sentence, function))
        return function
    return add


def wait_until(condition, what, seconds=SECONDS):
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.02)


def run(*arguments):
    """Runs all checks with these arguments, and ends the process."""
    failed = skipped = 0
    for sentence, function in _checks:
        try:
            function(*arguments)
        except Skipped as reason:
            skipped += 1
            print(f"skipped  {sentence}: {reason}")
        except Exception:
            failed += 1
            print(f"FAILED  {sentence}")
            traceback.print_exc(file=sys.stdout)
        else:
            print(f"passed  {sentence}")
    more = f", {skipped} skipped" if skipped else ""
    print(f"{len(_checks) - failed - skipped} passed, {failed} failed{more}")
    sys.exit(1 if failed else 0)
