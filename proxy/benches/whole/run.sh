#!/usr/bin/env bash
# The whole process against the least that could be done: the same requests straight to the stand-in for Bedrock,
# through nginx as a bare TLS reverse proxy, and through bedrock-nova-proxy, which also checks the token, maps, signs,
# counts and writes down. Prints Markdown.
#
#   proxy/benches/whole/run.sh [direct] [nginx] [proxy] [shares]     (default: all four)
#
# `shares` is a second table: what the proxy's CPU time depends on (users, ledger, log).
#
#   PROFILE=dist      what is built and measured; `dev` to try the script
#   REQUESTS=20000    whole answers at 16 connections; a quarter of it at one
#   STREAMS=2000      streams of 50 deltas at one connection
#   OPEN=1000         streams that are open at the same time for the memory
#   USERS=10000       users with a token each, for the last rows of `shares`
#   OUT=folder        where the three programs are, ready built; nothing is built then
#
# The server has one core to itself, the load and the stand-in the other. Everything is on loopback, over connections
# that are kept: TLS is settled once for each, not once a request. The proxy verifies tokens by RS256, counts limits in
# memory, keeps its ledger in SQLite and writes its log, with a line for each request, to a file; nginx writes no log.
# CPU time is that of the server's process, by the kernel's clock. Repeat it and take medians: other work on the machine
# shows in the latencies, and a little in the CPU time. Needs nginx
# (Debian: apt-get install nginx-light; the service of the system is not used), curl, openssl, python3 and taskset.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."

PROFILE="${PROFILE:-dist}"
REQUESTS="${REQUESTS:-20000}"
STREAMS="${STREAMS:-2000}"
OPEN="${OPEN:-1000}"
USERS="${USERS:-10000}"
DELTAS=50
SERVER_CORE=0
LOAD_CORE=1

say() { printf 'run.sh: %s\n' "$*" >&2; }

fail() {
    say "$@"
    exit 1
}

for tool in nginx curl openssl python3 taskset; do
    PATH="$PATH:/usr/sbin" command -v "$tool" >/dev/null || fail "$tool is missing"
done
(($(nproc) >= 2)) || fail 'needs two cores'
ulimit -n 8192 || fail 'needs 8192 open files'

build() {
    out="${OUT:-}"
    [[ -z "$out" ]] || return 0
    cargo build --quiet --profile "$PROFILE" -p cloud-loopback --example loopback
    cargo build --quiet --profile "$PROFILE" -p proxy --example load
    cargo build --quiet --profile "$PROFILE" -p proxy --bin bedrock-nova-proxy
    local folder="$PROFILE"
    [[ "$PROFILE" == dev ]] && folder=debug
    out="${CARGO_TARGET_DIR:-target}/$folder"
}

scratch="$(mktemp -d)"
server=
standins=()

finish() {
    stop
    local pid
    for pid in ${standins[@]+"${standins[@]}"}; do
        kill "$pid" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    rm -rf "$scratch"
}
trap finish EXIT

stop() {
    [[ -n "$server" ]] || return 0
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    server=
}

field() { python3 -c 'import json, sys
value = json.load(open(sys.argv[1]))
for name in sys.argv[2].split("."):
    value = value[name]
print(value)' "$1" "$2"; }

free_port() { python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'; }

# Starts a stand-in that writes where it is to $scratch/NAME.json. It ends when its input does.
standin() {
    local name="$1"
    shift
    mkfifo "$scratch/$name.in"
    taskset -c "$LOAD_CORE" "$out/examples/loopback" --bedrock-port 0 --issuer-port 0 --fast --deltas "$DELTAS" "$@" \
        <"$scratch/$name.in" >"$scratch/$name.json" &
    standins+=("$!")
    # Held open until this script ends.
    exec {held}>"$scratch/$name.in"
    until [[ -s "$scratch/$name.json" ]]; do
        kill -0 "${standins[-1]}" || fail "the stand-in $name did not start"
        sleep 0.05
    done
}

certificates() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=Benchmark CA' \
        -keyout "$scratch/ca.key" -out "$scratch/ca.pem" 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=localhost' \
        -keyout "$scratch/key.pem" -out "$scratch/leaf.csr" 2>/dev/null
    openssl x509 -req -in "$scratch/leaf.csr" -CA "$scratch/ca.pem" -CAkey "$scratch/ca.key" -CAcreateserial -days 2 \
        -extfile <(printf 'subjectAltName=DNS:localhost,IP:127.0.0.1') -out "$scratch/cert.pem" 2>/dev/null
}

# About 1 KB each, the same conversation in both dialects.
bodies() {
    python3 - "$scratch" <<'PYTHON'
import json
import sys

text = "The quick brown fox jumps over the lazy dog. " * 16
system = "You are brief and precise."
openai = {
    "model": "gpt-4o-mini",
    "max_tokens": 100,
    "messages": [{"role": "system", "content": system}, {"role": "user", "content": text}],
}
converse = {
    "system": [{"text": system}],
    "inferenceConfig": {"maxTokens": 100},
    "messages": [{"role": "user", "content": [{"text": text}]}],
}
bodies = {"openai": openai, "openai-stream": {**openai, "stream": True}, "converse": converse, "converse-stream": converse}
for name, body in bodies.items():
    with open(f"{sys.argv[1]}/{name}.json", "w") as file:
        json.dump(body, file)
PYTHON
}

start_nginx() {
    cat >"$scratch/nginx.conf" <<NGINX
daemon off;
master_process off;
worker_processes 1;
pid $scratch/nginx.pid;
error_log $scratch/nginx.log;
events { worker_connections 8192; }
http {
    access_log off;
    client_body_temp_path $scratch/body;
    proxy_temp_path $scratch/proxy;
    fastcgi_temp_path $scratch/fastcgi;
    uwsgi_temp_path $scratch/uwsgi;
    scgi_temp_path $scratch/scgi;
    client_body_buffer_size 64k;
    keepalive_requests 10000000;
    upstream bedrock { server ${1#http://}; keepalive 64; keepalive_requests 10000000; }
    server {
        listen 127.0.0.1:$port ssl;
        ssl_certificate $scratch/cert.pem;
        ssl_certificate_key $scratch/key.pem;
        location / {
            proxy_pass http://bedrock;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            proxy_read_timeout 300s;
        }
        location = /health/ready { return 200; }
    }
}
NGINX
    PATH="$PATH:/usr/sbin" taskset -c "$SERVER_CORE" nginx -p "$scratch" -c "$scratch/nginx.conf" 2>/dev/null &
    server=$!
}

log_level=info
ledger="{sqlite: {path: $scratch/usage.db}}"

start_proxy() {
    cat >"$scratch/proxy.yaml" <<YAML
version: 1
listen: {address: "127.0.0.1:$port"}
tls: {cert_path: $scratch/cert.pem, key_path: $scratch/key.pem, names: [localhost]}
auth: {issuers: [{issuer: "$(field "$scratch/fast.json" issuer)"}]}
upstreams: {bedrock: {kind: bedrock, region: us-east-1, endpoint_url: "$1"}}
models: {gpt-4o-mini: "amazon.nova-lite-v1:0"}
limits: {requests_per_minute: 1000000, tokens_per_hour: 1000000000000, concurrent_requests: 10000}
telemetry: {log: {level: "$log_level"}, metrics: {address: "off"}}
ledger: {store: $ledger}
YAML
    AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE AWS_SECRET_ACCESS_KEY=not-a-secret AWS_CONFIG_FILE=/dev/null \
        AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true STATE_DIRECTORY="$scratch" \
        taskset -c "$SERVER_CORE" "$out/bedrock-nova-proxy" serve --config "$scratch/proxy.yaml" 2>"$scratch/proxy.log" &
    server=$!
}

# Starts nginx or the proxy in front of a stand-in and waits until it is ready; sets `ready_ms`.
start() {
    local begin end
    port="$(free_port)"
    begin="${EPOCHREALTIME/./}"
    "start_$1" "$2"
    until curl --silent --fail --output /dev/null --noproxy '*' --cacert "$scratch/ca.pem" "https://localhost:$port/health/ready"; do
        kill -0 "$server" 2>/dev/null || fail "$1 did not start: $(tail -5 "$scratch/$1.log")"
        end="${EPOCHREALTIME/./}"
        ((end - begin < 60000000)) || fail "$1 is not ready after a minute"
    done
    end="${EPOCHREALTIME/./}"
    ready_ms=$(((end - begin) / 1000))
}

# CPU of the server so far, in ticks of the kernel. The name in the second field may hold spaces.
ticks() {
    local stat
    stat="$(<"/proc/$server/stat")"
    read -r -a fields <<<"${stat##*) }"
    echo $((fields[11] + fields[12]))
}

rss_kib() { awk '/^VmRSS:/ {print $2}' "/proc/$server/status"; }

# load NAME DIALECT... : one run of the load generator with its result in $scratch/NAME.result
load() {
    local name="$1" target="$2" stream="$3"
    shift 3
    local options=(--requests "$1" --connections "$2") path=/v1/chat/completions body=openai
    if [[ "$target" != proxy ]]; then
        path=/model/amazon.nova-lite-v1%3A0/converse$stream
        body=converse
    fi
    [[ -n "$stream" ]] && options+=(--stream)
    if [[ "$target" == direct ]]; then
        options+=(--address "$direct")
    else
        options+=(--address "127.0.0.1:$port" --ca "$scratch/ca.pem" --tokens "$tokens")
    fi
    taskset -c "$LOAD_CORE" "$out/examples/load" --path "$path" --body "$scratch/$body$stream.json" "${options[@]}" \
        >"$scratch/$name.result" || fail "the load on $target failed: $(tail -5 "$scratch/$target.log" 2>/dev/null)"
}

# measured NAME TARGET STREAM REQUESTS CONNECTIONS: the same with the server's CPU, in microseconds per request.
measured() {
    local before=0 after=0
    [[ -n "$server" ]] && before="$(ticks)"
    load "$@"
    [[ -n "$server" ]] && after="$(ticks)"
    cpu_us=$(((after - before) * 1000000 / $(getconf CLK_TCK) / ($4 + 200)))
}

# open TARGET: memory with many streams open at the same time, KiB.
open_streams() {
    local target="$1" path=/v1/chat/completions body=openai-stream holder
    if [[ "$target" != proxy ]]; then
        path=/model/amazon.nova-lite-v1%3A0/converse-stream
        body=converse-stream
    fi
    mkfifo "$scratch/$target.hold"
    taskset -c "$LOAD_CORE" "$out/examples/load" --address "127.0.0.1:$port" --ca "$scratch/ca.pem" --tokens "$tokens" \
        --path "$path" --body "$scratch/$body.json" --hold "$OPEN" <"$scratch/$target.hold" >"$scratch/$target.open" &
    holder=$!
    exec {hold}>"$scratch/$target.hold"
    until [[ -s "$scratch/$target.open" ]]; do
        kill -0 "$holder" 2>/dev/null || fail "the streams of $target could not be opened"
        sleep 0.05
    done
    rss_kib
    exec {hold}>&-
    wait "$holder" || true
}

row() { printf '| %s |\n' "$(IFS='|'; echo "$*" | sed 's/|/ | /g')"; }

mib() { awk -v kib="$1" 'BEGIN {printf "%.1f", kib / 1024}'; }

per_delta() { awk -v us="$1" -v deltas="$DELTAS" 'BEGIN {printf "%.1f", us / deltas}'; }

report() {
    local target="$1" idle=- open=- size=-
    ready_ms=-
    if [[ "$target" != direct ]]; then
        start "$target" "$fast"
        idle="$(mib "$(rss_kib)")"
    fi
    local first_ready="$ready_ms"
    measured one "$target" '' $((REQUESTS / 4)) 1
    measured many "$target" '' "$REQUESTS" 16
    local cpu="$cpu_us"
    measured stream "$target" -stream "$STREAMS" 1
    local cpu_stream="$cpu_us"
    if [[ "$target" != direct ]]; then
        stop
        start "$target" "$slow"
        open="$(mib "$(open_streams "$target")")"
        stop
    else
        cpu=- cpu_stream=-
    fi
    [[ "$target" == proxy ]] && size="$(mib $(($(stat -c %s "$out/bedrock-nova-proxy") / 1024)))"
    local delta=-
    [[ "$cpu_stream" != - ]] && delta="$(per_delta "$cpu_stream")"
    row "$target" "$(field "$scratch/one.result" whole_us.p50)" "$(field "$scratch/one.result" whole_us.p90)" \
        "$(field "$scratch/one.result" whole_us.p99)" "$(field "$scratch/many.result" whole_us.p99)" "$cpu" \
        "$(field "$scratch/stream.result" first_us.p50)" "$(field "$scratch/stream.result" first_us.p99)" "$delta" \
        "$idle" "$open" "$first_ready" "$size"
}

# share NAME: CPU time of a request when as many users as there are tokens take turns. Each is known already: the first
# round verifies the signatures.
share() {
    start proxy "$fast"
    load first proxy '' "$(wc -l <"$tokens")" 16
    measured many proxy '' "$REQUESTS" 16
    stop
    row "$1" "$cpu_us"
}

shares() {
    local all="$tokens" users
    printf '\n'
    row '' 'CPU µs/request'
    row --- ---:
    tokens="$scratch/some"
    for ((users = 1; users <= USERS; users *= 100)); do
        head -"$users" "$all" >"$tokens"
        share "users: $users"
    done
    head -1 "$all" >"$tokens"
    log_level=info,access=off share 'no lines for requests'
    ledger='"off"' share 'no ledger'
    log_level=info,access=off ledger='"off"' share 'neither'
    tokens="$all"
}

build
certificates
bodies
tokens="$scratch/tokens"
standin fast --users "$USERS" --tokens "$tokens"
standin slow --between-ms 1000
fast="$(field "$scratch/fast.json" bedrock)"
slow="$(field "$scratch/slow.json" bedrock)"
direct="${fast#http://}"

printf 'Profile %s, %s, %s cores, kernel %s; %s requests, %s streams of %s deltas, %s open streams.\n\n' "$PROFILE" \
    "$(awk -F': ' '/^model name/ {print $2; exit}' /proc/cpuinfo)" "$(nproc)" "$(uname -r)" "$REQUESTS" "$STREAMS" "$DELTAS" "$OPEN"
row '' 'p50 µs' 'p90 µs' 'p99 µs' 'p99 µs, 16 conn.' 'CPU µs/request' 'first delta p50 µs' 'first delta p99 µs' \
    'CPU µs/delta' 'idle MiB' "$OPEN streams MiB" 'ready ms' 'binary MiB'
row --- ---: ---: ---: ---: ---: ---: ---: ---: ---: ---: ---: ---:
targets=("$@")
[[ $# -gt 0 ]] || targets=(direct nginx proxy shares)
for target in "${targets[@]}"; do
    case "$target" in
        direct | nginx | proxy) report "$target" ;;
        shares) shares ;;
        *) fail "no such target: $target" ;;
    esac
done
