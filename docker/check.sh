#!/bin/bash
# SPDX-License-Identifier: MPL-2.0
# docker/check.sh [--requests N]: builds the images, brings every stack up, and tries them, while they change and break.
#
# Needs a Docker engine with Compose 2.24 or later, and curl. Takes some minutes, prints what it does, removes all that it
# has started, also after Ctrl-C, and keeps the images. Its last line is "N passed, N failed". Exits 0 when all passed,
# 1 when not, 3 when there is no engine to try it on.
set -uo pipefail
requests=20000
while [ $# -gt 0 ]; do
    case $1 in
    -h | --help) sed -n '3,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
    --requests) requests=${2:?a number}; shift 2 ;;
    *) sed -n '3s/^# //p' "$0" >&2; exit 2 ;;
    esac
done
here=$(dirname -- "$(realpath -- "${BASH_SOURCE[0]}")")
cd -- "$here" || exit 1

if ! engine=$(docker version --format '{{.Server.Version}}' 2>&1); then
    echo "docker/check.sh: no Docker engine can be reached, so nothing was checked: ${engine##*$'\n'}" >&2
    exit 3
fi
if ! docker compose version >/dev/null 2>&1; then
    echo "docker/check.sh: there is no Docker Compose, so nothing was checked" >&2
    exit 3
fi

work=$(mktemp -d) project=muster-check
chmod 755 "$work"
passed=0 failed=0 followers=() running=
# Ports are chosen by the engine: nothing that runs here is in the way.
export MUSTER_LISTEN=127.0.0.1: MUSTER_ZMQ=127.0.0.1: MUSTER_API=$work/api

stack() { docker compose -p $project -f compose.yaml "$@"; }
dev() { docker compose -p $project-dev -f compose.dev.yaml "$@"; }
contract() { docker compose -p $project-test -f compose.test.yaml "$@"; }
example() { docker compose -p $project-example -f "$work/example/compose.yaml" "$@"; }

remove_all() {
    docker rm -f $project-load $project-somebody $project-pid1 $project-lane1 $project-lane2 $project-lane3 >/dev/null 2>&1
    docker network rm $project-lanes >/dev/null 2>&1
    for each in stack dev contract example; do
        [ $each = example ] && [ ! -e "$work/example" ] || $each down -v --timeout 10 --remove-orphans
    done
}
finish() {
    trap '' INT TERM
    [ -z "$running" ] || kill -KILL -- "-$running" 2>/dev/null
    echo "== removing what was started"
    remove_all >"$work/removed" 2>&1 || cat "$work/removed" >&2
    [ ${#followers[@]} -eq 0 ] || kill "${followers[@]}" 2>/dev/null
    rm -rf "$work"
    [ -z "${complete:-}" ] || echo "$passed passed, $failed failed"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

step() { printf '== %s  %s\n' "$(date +%T)" "$*"; }
# check WHAT COMMAND...: counts it, and shows what it printed when it fails. The command is a job with a process group of
# its own, and this shell waits for it: so Ctrl-C (or SIGTERM) comes here at once, and ends all of it.
check() {
    local what=$1
    shift
    set -m
    "$@" >"$work/out" 2>&1 </dev/null &
    running=$!
    set +m
    if wait $running; then
        passed=$((passed + 1))
        echo "ok      $what"
    else
        failed=$((failed + 1))
        echo "FAILED  $what"
        tail -n 60 "$work/out" | sed 's/^/        /'
    fi
    running=
}
# until_true SECONDS COMMAND...
until_true() {
    local until=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $until ] || { echo "not true in time: $*"; return 1; }
        sleep 0.5
    done
}
# asks STATUS URL [WORDS [OPTIONS OF CURL...]]: the answer has this status, and these words in its body.
asks() {
    local status
    status=$(curl -sS --max-time 40 -o "$work/body" -w '%{http_code}' "${@:4}" "$2") || return 1
    cat "$work/body"
    echo " ($status)"
    [ "$status" = "$1" ] && grep -qF -- "${3:-}" "$work/body"
}
url() { echo "http://$("$@" 8000)"; }

# --- images

small() {
    local size base
    size=$(docker image inspect -f '{{.Size}}' muster:dev) base=$(docker image inspect -f '{{.Size}}' debian:bookworm-slim)
    echo "$(((size - base) / 1000000)) MB on top of the base"
    [ $((size - base)) -le 60000000 ]
}
described() {
    docker image inspect -f '{{.Config.User}} {{json .Config.Healthcheck.Test}} {{json .Config.Labels}}' muster:dev |
        grep -E '^10001:10001 .*"muster","health".*org.opencontainers.image.licenses.*org.opencontainers.image.version'
}
without_tools() {
    ! docker run --rm --read-only --entrypoint sh muster:dev -c 'command -v gcc cc cmake make ninja git python3'
}
ends_at_sigterm() {
    docker run -d --name $project-pid1 --read-only --cap-drop ALL -e DATABASE_URL=postgresql://nowhere.invalid/x \
        -e SECRET_KEY="$(head -c 32 /dev/urandom | base64)" muster:dev || return 1
    until_true 60 docker exec $project-pid1 muster health --live && docker stop -t 30 $project-pid1 &&
        [ "$(docker inspect -f '{{.State.ExitCode}}' $project-pid1)" = 0 ]
}
images() {
    step "images (engine $engine)"
    check "they build" contract build
    check "muster: at most 60 MB on top of the base" small
    check "muster: not root, health check, labels" described
    check "muster: no build tools" without_tools
    check "muster: the first process of a container, without a database, ends at SIGTERM with 0" ends_at_sigterm
}

# --- nginx

# How often two gateways that break have got each request.
lanes() {
    local number at
    docker network create $project-lanes || return 1
    for number in 1 2; do
        docker run -d --name $project-lane$number --network $project-lanes --network-alias gateway muster-tests:dev \
            python3 docker/tests/breaking.py
    done
    docker run -d --name $project-lane3 --network $project-lanes --read-only --tmpfs /tmp -p 127.0.0.1::8000 muster-front:dev
    at=http://$(docker port $project-lane3 8000)
    until_true 60 asks 502 "$at/begin" no_gateway || return 1
    for method in GET HEAD POST PUT PATCH DELETE; do
        for where in broken busy; do
            local body=(-d x)
            [ $method = GET ] && body=()
            [ $method = HEAD ] && body=(-I)
            curl -sS --max-time 30 -o /dev/null -X $method "${body[@]}" "$at/$where"
            curl -sS --max-time 30 -o /dev/null -X $method "${body[@]}" -H 'Idempotency-Key: k' "$at/$where/key"
        done
    done
    for number in 1 2; do docker logs $project-lane$number; done 2>&1 | grep -v begin | sort | uniq -c | awk '{print $2, $3, $1}' |
        tee "$work/lanes"
    [ "$(grep -c . "$work/lanes")" = 24 ] && # reads and whatever has a key: twice; other writes: once
        ! grep -E '^(GET|HEAD) .* 1$|^.*/key 1$|^(POST|PUT|PATCH|DELETE) /[a-z]+ 2$' "$work/lanes"
}
front_alone() {
    step "nginx, with gateways that break"
    check "another gateway is asked for reads and keyed writes, and for no other write" lanes
}

# --- compose.dev.yaml

dev_stack() {
    step "compose.dev.yaml"
    cp -r ../api/gathering "$work/api"
    chmod -R a+rX "$work/api"
    check "it comes up" dev up --wait
    local at
    at=$(url dev port muster)
    check "it answers" asks 200 "$at/providers/1" '"id":1'
    printf -- '-- @endpoint GET /new\n-- @operation new\n-- @tier read\n-- @returns value\nSELECT 42;\n' >"$work/api/endpoints/new.sql"
    check "a new endpoint file is served without a restart" until_true 60 asks 200 "$at/new" 42
    check "it ends within its time" dev down -v
}

# --- compose.test.yaml

test_stack() {
    step "compose.test.yaml: contract tests, 3 gateways, 4 actors"
    check "contract tests" contract up --scale gateway=3 --scale actors=4 --exit-code-from tests
    grep -o '[0-9]* passed.*' "$work/out" | sed 's/^/        /'
    check "it is removed" contract down -v
}

# --- compose.yaml

scale() { stack up --wait --no-recreate --scale "gateway=$1" --scale "actors=$2"; }
front() { url stack port front; }
# load_begin PERCENT COUNT [go-on]: in the background, with go-on until load_end, when it can be told to end.
load_begin() {
    docker run -d --name $project-load --network ${project}_outside -v ${project}_secrets-gateway:/run/secrets:ro \
        -e SECRET_KEY_FILE=/run/secrets/secret_key muster-tests:dev python3 docker/tests/load.py "$@" >/dev/null
    until_true 60 load_is_ready
}
load_is_ready() { docker logs $project-load 2>&1 | grep ready; }
load_end() {
    docker kill -s TERM $project-load >/dev/null 2>&1 # if it has not ended by itself
    local status
    status=$(docker wait $project-load)
    docker logs $project-load 2>&1
    docker rm $project-load >/dev/null
    [ "$status" = 0 ]
}
load() {
    load_begin "$@" && load_end
}
in_all() { grep -h 'requests in all' "$work/out" | tail -n 1 | sed 's/^/        /'; }
follow_logs() {
    stack logs -f --no-color --no-log-prefix >"$work/log" 2>/dev/null &
    followers+=($!)
}
# Nobody logged an error. That a gateway which leaves cannot be reached, is what the front is told to expect.
no_errors() {
    ! grep -E 'Z error |\[(crit|alert|emerg)\]|\[error\]|PANIC' "$work/log" |
        grep -vE '\[error\].*while connecting to upstream'
}
# fault WHAT PERCENT COMMAND...: under load, of which so much may be refused, and afterwards all is well again.
fault() {
    local what=$1 percent=$2
    shift 2
    load_begin "$percent" 500 go-on
    sleep 2
    check "$what" "$@"
    check "$what: ready again" until_true 120 asks 200 "$(front)/health/ready"
    check "$what: every answer was definite, and true" load_end
    in_all
    check "$what: then all is as before" load 0 300
}
kill_one() { docker kill "$(stack ps -q "$1" | head -n 1)"; }
kill_broker() { kill_one broker-a && sleep 5 && stack up --wait --no-recreate --scale gateway=3 --scale actors=4; }
kill_actors() { kill_one actors && sleep 5 && scale 3 4; }
production() {
    step "compose.yaml, as it is"
    check "it comes up" stack up --wait
    check "it is healthy" asks 200 "$(front)/health" '"status":"healthy"'
    check "it asks who you are" asks 401 "$(front)/providers" unauthenticated
    check "without an engine's tools nobody reads the keys of others" no_foreign_secrets
    check "who registers and logs in is known to all gateways, and after the logout to none" somebody login
    check "gateways count together what an address asks" somebody limit
    check "and not what another one asks" guess
    check "without Redis they go on" without_redis
}
# somebody WHAT: with the address of a container.
somebody() {
    docker run --rm --name $project-somebody --network ${project}_outside muster-tests:dev python3 docker/tests/people.py "$1"
}
# A wrong password is refused as such, at the address of this machine.
guess() {
    asks 401 "$(front)/auth/login/json" "password is wrong" -H 'Content-Type: application/json' -d '{"email":"nobody@example.com","password":"a guess"}'
}
without_redis() {
    stack stop redis && asks 401 "$(front)/providers" unauthenticated && guess && stack start redis
}
no_foreign_secrets() {
    [ "$(stack exec -T gateway ls /run/secrets | sort | paste -sd' ')" = "broker-a.cert broker-b.cert gateway.cert_secret redis_url secret_key" ]
}
changes() {
    step "compose.yaml, $requests requests while it is scaled"
    export MUSTER_DEV=on
    check "3 gateways, 4 actors" stack up --wait --scale gateway=3 --scale actors=4
    follow_logs
    load_begin 0 "$requests" go-on
    check "actors go from 4 to 1" scale 3 1
    check "gateways go from 3 to 1" scale 1 1
    check "actors go from 1 to 6" scale 1 6
    check "gateways go from 1 to 3" scale 3 6
    check "every answer was a 2xx, no connection was reset, every write is there once" load_end
    in_all
    check "nobody has logged an error" no_errors
    kill "${followers[@]}" 2>/dev/null
    followers=()
}
faults() {
    step "compose.yaml, one fault each"
    fault "a broker is killed" 5 kill_broker
    fault "actors are killed" 5 kill_actors
    fault "PostgreSQL is restarted" 90 stack restart postgres
    check "it is removed" stack down -v
}

# --- docs/docker.md

# The first block of a language behind a heading.
block() { awk -v from="$1" -v open="\`\`\`$2" '$0 == from {f = 1} f && /^```$/ && p {exit} p {print} f && $0 == open {p = 1}' ../docs/docker.md; }
documented() {
    step "the example of docs/docker.md"
    mkdir -p "$work/example/tests"
    ln -s "$(realpath ..)" "$work/example/muster"
    block '## In your own compose file' yaml >"$work/example/compose.yaml"
    block '## In your own compose file' dockerfile >"$work/example/tests/Dockerfile"
    check "it has fewer than fifteen lines" [ "$(grep -c . "$work/example/compose.yaml")" -lt 15 ]
    check "it runs" example up --build --exit-code-from tests
    check "it is removed" example down -v
}

remove_all >/dev/null 2>&1 # of a run that was killed
images
front_alone
documented
dev_stack
test_stack
production
changes
faults
complete=1
[ $failed -eq 0 ]
