"""What the tests of the scripts share: servers, the scripts as calls, the branches of each script."""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
# The run of checks is the documents' own.
sys.path.insert(0, str(ROOT / "Tests/DocumentTests"))
