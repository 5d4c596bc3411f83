"""The peer of GET /api/v1/tests/suites: the same query over the same schema, the same answer, the same kind of token,
as one writes it in FastAPI for speed: asyncpg with a pool, prepared statements, no response model, a cache of
verified tokens."""

import hashlib
import json
import os
import re
import time

import asyncpg
import jwt
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response

with open(os.environ["BENCH_PUBLIC_KEY"], encoding="ascii") as file:
    PUBLIC_KEY = file.read()
with open(os.environ["BENCH_QUERIES"], encoding="utf-8") as file:
    QUERY = re.search(r"-- name: suite_list\n(.*?);", file.read(), re.S).group(1)

CACHE_MAX = 4096
verified: dict[bytes, dict] = {}
app = FastAPI(openapi_url=None)
encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@app.on_event("startup")
async def connect():
    app.state.pool = await asyncpg.create_pool(os.environ["BENCH_DATABASE_URL"], min_size=4, max_size=4)


def claims_of(request: Request) -> dict | None:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        return None
    key = hashlib.sha256(token.encode()).digest()
    claims = verified.get(key)
    if claims is None:
        try:
            claims = jwt.decode(token, PUBLIC_KEY, algorithms=["ES256"])
        except jwt.PyJWTError:
            return None
        if len(verified) >= CACHE_MAX:
            verified.clear()
        verified[key] = claims
    return claims if claims["exp"] > time.time() else None


def instant(value):
    return None if value is None else value.isoformat(timespec="seconds")[:19]


def suite_of(r) -> dict:
    return {
        "id": r[0],
        "public_id": r[1],
        "uuid": str(r[2]),
        "name": r[3],
        "description": r[4],
        "app_id": r[5],
        "app_public_id": r[6],
        "app_name": r[7],
        "platform": r[8],
        "case_count": r[9],
        "reset_strategy": r[10],
        "context": r[11],
        "variables": json.loads(r[12]),
        "visual_regression_warn_pct": r[13],
        "visual_regression_fail_pct": r[14],
        "last_run_status": r[15],
        "last_run_at": instant(r[16]),
        "created_at": instant(r[17]),
        "updated_at": instant(r[18]),
        "tags": [{"name": n, "display_name": d} for n, d in zip(r[19], r[20])],
    }


@app.get("/api/v1/tests/suites")
async def suites(request: Request):
    claims = claims_of(request)
    if claims is None:
        return JSONResponse({"detail": "Not authenticated"}, status_code=401)
    async with app.state.pool.acquire() as connection:
        rows = await connection.fetch(QUERY, claims["org"])
    return Response(encode([suite_of(row) for row in rows]), media_type="application/json")


@app.get("/health")
async def health():
    return Response('{"status":"ok"}', media_type="application/json")
