# SPDX-License-Identifier: MPL-2.0
"""FastAPI with asyncpg as its makers advise: a pool per worker, prepared statements kept, the row returned as it is. No
response model, so that nothing is validated on the way out. Run by bench/peers under uvicorn with uvloop and httptools."""
import os

import asyncpg
from fastapi import FastAPI
from fastapi.responses import JSONResponse

app = FastAPI()


@app.on_event("startup")
async def connect():
    app.state.pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=8, max_size=8)


@app.get("/one/{number}")
async def one(number: int):
    row = await app.state.pool.fetchrow("SELECT id, name, number FROM one WHERE id = $1", number)
    return JSONResponse(dict(row)) if row else JSONResponse({"detail": "Not Found"}, 404)
