"""All figures, one after another: python -m benchmarks. One alone, to its end: python -m benchmarks notices --whole."""

import argparse
import subprocess
import sys

BENCHES = ("pipeline", "erasing", "search", "understanding", "notices", "load", "several")

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("bench", nargs="?", choices=BENCHES, help="this one alone; without it, all")
    parser.add_argument("options", nargs=argparse.REMAINDER, help="its own; BENCH --help names them where it has any")
    asked = parser.parse_args()
    chosen = [asked.bench] if asked.bench else BENCHES
    runs = [
        subprocess.run((sys.executable, "-m", f"benchmarks.{bench}", *asked.options), check=False) for bench in chosen
    ]
    sys.exit(max(run.returncode for run in runs))
