-- SPDX-License-Identifier: MPL-2.0
-- wrk: each request asks for another row, so that a crossed reply would be seen as a wrong length or status. The
-- environment says which: BENCH_PATH with %d for the number, up to BENCH_MOST; BENCH_BODY makes it a POST, also with a
-- %d; BENCH_HEADERS is lines of header fields; BENCH_SEED begins another series.
math.randomseed(tonumber(os.getenv("BENCH_SEED") or "1"))
local path, body = os.getenv("BENCH_PATH") or "/one/%d", os.getenv("BENCH_BODY")
local most = tonumber(os.getenv("BENCH_MOST") or "10000")
local headers = {}
for name, value in (os.getenv("BENCH_HEADERS") or ""):gmatch("([^:\n]+): ([^\n]+)") do
    headers[name] = value
end
if body then
    headers["Content-Type"] = "application/json"
end
request = function()
    local number = math.random(1, most)
    return wrk.format(body and "POST" or "GET", path:format(number), headers, body and body:format(number))
end
