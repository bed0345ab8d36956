"""All figures, one after another: python -m benchmarks."""

import subprocess
import sys

BENCHES = ("benchmarks.pipeline", "benchmarks.erasing", "benchmarks.search", "benchmarks.understanding")

if __name__ == "__main__":
    sys.exit(max(subprocess.run((sys.executable, "-m", bench), check=False).returncode for bench in BENCHES))
