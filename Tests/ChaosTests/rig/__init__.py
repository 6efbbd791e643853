"""What the tests of faults share: a fleet of real processes, a load, who watches it, what must hold."""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
# Servers are those of the script tests; a run of checks and the stack are the documents'.
sys.path.insert(0, str(ROOT / "Tests/ScriptTests"))
import harness  # noqa: E402, F401
