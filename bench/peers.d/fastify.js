// SPDX-License-Identifier: MPL-2.0
// fastify with postgres.js in cluster mode: WORKERS processes, each with a pool of 8 connections, prepared statements
// and a compiled serializer. bench/peers gives PORT, PGHOST (a socket's folder), PGUSER and PGDATABASE.
import cluster from 'node:cluster'
import Fastify from 'fastify'
import postgres from 'postgres'

function primary() {
    for (let i = 0; i < Number(process.env.WORKERS); i++) cluster.fork()
    process.on('SIGTERM', () => {
        for (const worker of Object.values(cluster.workers)) worker.kill()
        process.exit(0)
    })
}

async function worker() {
    const sql = postgres({ path: `${process.env.PGHOST}/.s.PGSQL.5432`, user: process.env.PGUSER,
        database: process.env.PGDATABASE, max: 8 })
    const app = Fastify()
    const integer = { type: 'integer' }
    const schema = {
        params: { type: 'object', properties: { id: integer } },
        response: { 200: { type: 'object', properties: { id: integer, name: { type: 'string' }, number: integer } } },
    }
    app.get('/one/:id', { schema }, async (request, reply) => {
        const rows = await sql`SELECT id, name, number FROM one WHERE id = ${request.params.id}`
        return rows.length ? rows[0] : reply.code(404).send()
    })
    await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })
}

if (cluster.isPrimary) primary()
else await worker()
