-- SPDX-License-Identifier: MPL-2.0
-- wrk: each request asks for another row, so that a crossed reply would be seen as a wrong length or status.
math.randomseed(tonumber(os.getenv("BENCH_SEED") or "1"))
request = function()
    return wrk.format("GET", "/one/" .. math.random(1, 10000))
end
