# SPDX-License-Identifier: MPL-2.0
"""FastAPI as the service does it that is replaced: a connection from the pool, a question whether it lives, BEGIN, the
statement, COMMIT, and a response model. Run by bench/peers under uvicorn with uvloop and httptools."""
import os

import asyncpg
from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel

app = FastAPI()


class One(BaseModel):
    id: int
    name: str
    number: int


@app.on_event("startup")
async def connect():
    app.state.pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=8, max_size=8)


async def connection():
    async with app.state.pool.acquire() as database:
        await database.fetchval("SELECT 1")
        async with database.transaction():
            yield database


@app.get("/one/{number}", response_model=One)
async def one(number: int, database=Depends(connection)):
    row = await database.fetchrow("SELECT id, name, number FROM one WHERE id = $1", number)
    if not row:
        raise HTTPException(404)
    return One(**row)
