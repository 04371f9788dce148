#!/usr/bin/env bash
# Measures `--validate-only` as a whole process: CPU time and peak memory, beside programs that do less and more.
#
#   benches/validate.sh [PROGRAM [RUNS]]
#
# Without PROGRAM a release build is made first. Takes seconds after that: every process is run RUNS times (default 30),
# and none may take longer than ten seconds. Prints a table of medians. Numbers are of one machine: compare rows, or the
# same row before and after a change.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

program=${1:-}
runs=${2:-30}
if [[ -z "$program" ]]; then
    cargo build --release --locked
    program="${CARGO_TARGET_DIR:-target}/release/sre-agent-deploy"
fi
venv="${SRE_TEST_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/sre-agent-deploy/venv}"

scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
export HOME="$scratch" AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true

# A good file with every key, as the program itself writes it; one with twenty mistakes; one near the limit of size.
"$program" config init --deployment-id bench-prod --region us-east-1 >"$scratch/good.yaml"
{
    printf 'version: 1\ndeployment: {id: Bench, environment: prdo}\naws: {region: nowhere, account_id: 12}\n'
    printf 'network: {https_cidrs: [10.0.0.1/8, x], ssh_cidrs: [0.0.0.0/0], backend_ports: [0, 70000]}\n'
    printf 'instance: {typ: t3.micro, os: windows, volume_gb: 5}\ncognito: {domain_prefix: AWS, mfa: maybe}\n'
    printf 'tls: {source: magic, acme: {challenge: none}}\nhost: {install: there}\nproxy: {models: {a: b}}\n'
} >"$scratch/mistakes.yaml"
{
    cat "$scratch/good.yaml"
    awk 'BEGIN { for (line = 0; line < 10000; line++)
        print "# a comment that only makes the file longer, as generated files often have many of them" }'
} >"$scratch/large.yaml"

# A template of much the same resources, for the linter.
cat >"$scratch/template.yaml" <<'TEMPLATE'
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: HTTPS
      SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0}]
  Pool:
    Type: AWS::Cognito::UserPool
    Properties: {UserPoolName: users}
TEMPLATE

# The program must not need a network: where namespaces can be made, it gets none.
if unshare --map-root-user --net true 2>/dev/null; then
    unshare --map-root-user --net "$program" --validate-only --config "$scratch/good.yaml" >/dev/null 2>&1 &&
        echo 'without any network: exit code 0' || echo "without any network: exit code $?"
fi

PROGRAM="$program" VENV="$venv" SCRATCH="$scratch" RUNS="$runs" python3 - <<'PYTHON'
import os, statistics, subprocess

program, venv, scratch = os.environ["PROGRAM"], os.environ["VENV"], os.environ["SCRATCH"]
runs = int(os.environ["RUNS"])


def once(argv):
    """CPU milliseconds, peak MiB and exit code of one process."""
    if os.path.exists("/usr/bin/time"):
        argv = ["/usr/bin/time", "--quiet", "--format", "%M", "--output", f"{scratch}/peak", *argv]
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    peak = usage.ru_maxrss
    if os.path.exists("/usr/bin/time"):
        # The kernel counts the peak of a process from before its exec, so a child of Python never has less than
        # Python; `time` is small. Without it, the first row of the table shows what to take as "or less".
        with open(f"{scratch}/peak") as file:
            peak = int(file.read().split()[-1])
    return (usage.ru_utime + usage.ru_stime) * 1000, peak / 1024, os.waitstatus_to_exitcode(status)


rows = [
    ("/bin/true (the floor of this measurement)", ["/bin/true"], runs),
    ("sre-agent-deploy --version", [program, "--version"], runs),
    ("--validate-only, good file", [program, "--validate-only", "--config", f"{scratch}/good.yaml"], runs),
    ("--validate-only, twenty mistakes", [program, "--validate-only", "--config", f"{scratch}/mistakes.yaml"], runs),
    ("--validate-only, 900 kB", [program, "--validate-only", "--config", f"{scratch}/large.yaml"], runs),
]
python = f"{venv}/bin/python"
if os.path.exists(python):
    rows.append(("PyYAML, good file (parse alone)",
                 [python, "-c", f"import yaml; yaml.safe_load(open('{scratch}/good.yaml'))"], max(runs // 3, 3)))
if os.path.exists(f"{venv}/bin/cfn-lint"):
    rows.append(("cfn-lint, two resources", [f"{venv}/bin/cfn-lint", f"{scratch}/template.yaml"], 3))

print("| process | CPU, ms | peak memory, MiB | exit code |")
print("|---|---:|---:|---:|")
for title, argv, times in rows:
    results = []
    for _ in range(times):
        results.append(once(["timeout", "10", *argv]))
    cpu = statistics.median(result[0] for result in results)
    peak = statistics.median(result[1] for result in results)
    codes = sorted({result[2] for result in results})
    print(f"| {title} | {cpu:.1f} | {peak:.1f} | {' '.join(map(str, codes))} |", flush=True)
PYTHON
