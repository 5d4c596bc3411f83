-- wrk: every request carries the next token of the file BENCH_TOKENS, so that no two in flight are alike.
local requests, at = {}, 0

function init()
    for token in io.lines(os.getenv("BENCH_TOKENS")) do
        wrk.headers["Authorization"] = "Bearer " .. token
        requests[#requests + 1] = wrk.format("GET")
    end
end

function request()
    at = at % #requests + 1
    return requests[at]
end
