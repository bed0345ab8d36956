"""All figures, one after another: python -m benchmarks. One alone, to its end: python -m benchmarks notices --whole."""

import subprocess
import sys

BENCHES = ("pipeline", "erasing", "search", "understanding", "notices", "load", "several")

if __name__ == "__main__":
    chosen, options = sys.argv[1:2] or list(BENCHES), sys.argv[2:]
    runs = [subprocess.run((sys.executable, "-m", f"benchmarks.{bench}", *options), check=False) for bench in chosen]
    sys.exit(max(run.returncode for run in runs))
