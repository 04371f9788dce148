#!/usr/bin/env bash
# Measures `rehearse` as a whole process, from its start to its end, and what each part took by its own words.
#
#   benches/rehearse.sh [PROGRAM [RUNS]]
#
# Without PROGRAM a release build of both programs is made first. Each of RUNS (default 5) runs begins with an empty folder. Prints
# medians in seconds. Numbers are of one machine: compare rows, or the same row before and after a change.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

program=${1:-}
runs=${2:-5}
if [[ -z "$program" ]]; then
    cargo build --release --locked --package sre-agent-deploy --package proxy --no-default-features
    program="${CARGO_TARGET_DIR:-target}/release/sre-agent-deploy"
fi
program="$(realpath "$program")"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

PROGRAM="$program" SCRATCH="$scratch" RUNS="$runs" python3 - <<'PYTHON'
import os, re, statistics, subprocess, time

program, scratch, runs = os.environ["PROGRAM"], os.environ["SCRATCH"], int(os.environ["RUNS"])
medians = {}
for manner in [[], ["--fast"]]:
    for number in range(runs):
        folder = os.path.join(scratch, f"{number}{'-'.join(manner)}")
        os.mkdir(folder)
        began = time.monotonic()
        done = subprocess.run([program, "rehearse", *manner], cwd=folder, capture_output=True, text=True, timeout=120)
        took = time.monotonic() - began
        assert done.returncode == 0, done.stderr
        rows = [("the whole process", took)]
        rows += [(what.split(":")[0].split(",")[0], float(s)) for s, what in re.findall(r"^ *([0-9.]+) s  (.*)$", done.stderr, re.M)]
        for what, seconds in rows:
            medians.setdefault((" ".join(["rehearse", *manner]), what), []).append(seconds)
for (command, what), seconds in medians.items():
    print(f"{command:20} {what:42} {statistics.median(seconds):6.1f} s")
PYTHON
