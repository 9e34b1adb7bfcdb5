-- SPDX-License-Identifier: MPL-2.0
-- Talking to an agent. The endpoint belongs to the chat worker, which asks the two operations below it.

-- @endpoint  POST /agents/{id}/chat
-- @operation chat_with_agent
-- @summary   Says something to an agent; both messages are stored before the answer comes
-- @tier write   @auth user
-- @path id int8
-- @body message          text (1..100000 chars)
-- @body include_memories bool = true
-- @body allow_tools      bool = true
-- @service chat
-- @timeout 120s
-- @error agent_not_found 404 "Agent {id} not found"
-- @returns row

-- What the chat worker needs to know of an agent. The messages are chosen as history.sql explains.
-- @operation chat_context
-- @param id int8
-- @reads   @auth user
-- @empty agent_not_found
-- @error agent_not_found 404 "Agent {id} not found"
-- @returns row
SELECT a.id AS agent_id, a.name AS agent_name, m.model_name AS model, p.name AS provider, p.api_base_url,
       a.temperature, coalesce(a.max_tokens, m.max_output) AS max_tokens,
       coalesce(a.system_prompt, r.full_prompt, r.base_prompt) AS system_prompt,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('role', h.role, 'content', h.content) ORDER BY h.id), '[]')
        FROM (SELECT id, role, content FROM communication.chat_history
              WHERE agent_id BETWEEN a.id AND a.id ORDER BY agent_id, id DESC LIMIT 20) h) AS history
FROM agent.agents a
LEFT JOIN agent.personas r ON r.id = a.persona_id
LEFT JOIN agent.models m ON m.id = a.model_id
LEFT JOIN agent.providers p ON p.id = m.provider_id
WHERE a.id = :id AND a.is_active;

-- A turn with an Idempotency-Key: the key becomes the turn's own, unless another has it that still may answer, or did.
-- @operation chat_claim
-- @param key          text
-- @param claim        text
-- @param milliseconds int8 (1..)
-- @param request      bytea
-- @writes   @auth user
-- @returns {"claimed": mine.count, "answer": kept.row}

-- @step mine
INSERT INTO muster.answers AS a (principal, key, fingerprint, claim, claimed_until)
VALUES (:auth.sub, :key, sha256(:request), :claim, now() + :milliseconds * interval '1 ms')
ON CONFLICT (principal, key) DO UPDATE SET fingerprint = excluded.fingerprint, claim = excluded.claim,
                                           claimed_until = excluded.claimed_until, created_at = now()
WHERE a.body IS NULL AND (a.claim = excluded.claim OR a.claimed_until < now())
RETURNING a.key;

-- @step kept
SELECT fingerprint = sha256(:request) AS same, body FROM muster.answers WHERE principal = :auth.sub AND key = :key;

-- Both messages of such a turn and its answer, or nothing.
-- @operation chat_keep
-- @param agent_id          int8
-- @param user_message      text
-- @param assistant_message text
-- @param model             text
-- @param key               text
-- @param claim             text
-- @param answer            bytea
-- @writes   @auth user
-- @error agent_not_found 404 "Agent {agent_id} not found" on 23503
-- @error claim_lost      409 "It took too long: the idempotency key may be another request's by now"
-- @returns none

-- @step kept expect one else claim_lost
UPDATE muster.answers SET body = :answer, claim = NULL, claimed_until = NULL
WHERE principal = :auth.sub AND key = :key AND claim = :claim;

-- @step stored
INSERT INTO communication.chat_history (agent_id, user_id, role, content, model_used)
VALUES (:agent_id, :auth.sub, 'user', :user_message, NULL),
       (:agent_id, NULL, 'assistant', :assistant_message, :model);

-- Such a turn has failed: the key is free again.
-- @operation chat_release
-- @param key   text
-- @param claim text
-- @writes   @auth user
-- @returns none
DELETE FROM muster.answers WHERE principal = :auth.sub AND key = :key AND claim = :claim;

-- Both messages of one turn, or neither.
-- @operation chat_store
-- @param agent_id          int8
-- @param user_message      text
-- @param assistant_message text
-- @param model             text
-- @writes   @auth user
-- @error agent_not_found 404 "Agent {agent_id} not found" on 23503
-- @returns row
WITH stored AS (
    INSERT INTO communication.chat_history (agent_id, user_id, role, content, model_used)
    VALUES (:agent_id, :auth.sub, 'user', :user_message, NULL),
           (:agent_id, NULL, 'assistant', :assistant_message, :model)
    RETURNING id)
SELECT min(id) AS user_message_id, max(id) AS assistant_message_id, count(*) AS stored FROM stored;
