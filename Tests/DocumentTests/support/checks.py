"""A run of checks: each is a sentence and a function; the last line counts them."""
import sys
import time
import traceback

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
    failed = 0
    for sentence, function in _checks:
        try:
            function(*arguments)
        except Exception:
            failed += 1
            print(f"FAILED  {sentence}")
            traceback.print_exc(file=sys.stdout)
        else:
            print(f"passed  {sentence}")
    print(f"{len(_checks) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
