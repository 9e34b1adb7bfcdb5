-- SPDX-License-Identifier: MPL-2.0
-- Personas: who an agent can be.

-- @endpoint  GET /personas
-- @operation list_personas
-- @summary   Personas, oldest first, with the alias of their default model
-- @tier read   @auth user
-- @query limit  int4 = 500 (1..500)
-- @query offset int4 = 0 (0..)
-- @returns {"personas": personas.rows, "total": total.value}
-- @step personas
SELECT p.*, m.model_alias AS default_model_alias
FROM agent.personas p LEFT JOIN agent.models m ON m.id = p.default_model_id
ORDER BY p.id LIMIT :limit OFFSET :offset;
-- @step total
SELECT count(*) FROM agent.personas;

-- @endpoint  GET /personas/{id}
-- @operation get_persona
-- @summary   One persona
-- @tier read   @auth user
-- @empty persona_not_found
-- @error persona_not_found 404 "Persona {id} not found"
-- @returns row
SELECT * FROM agent.personas WHERE id = :id;

-- @endpoint  POST /personas
-- @operation create_persona
-- @summary   A new persona
-- @tier write   @auth user
-- @body display_name        text (1..200 chars)
-- @body role                text (1..200 chars)
-- @body base_prompt         text ? (..100000 chars)
-- @body full_prompt         text ? (..100000 chars)
-- @body traits              text[] = [] (..100 items)
-- @body communication_style text = balanced (1..100 chars)
-- @body specializations     text[] = [] (..100 items)
-- @body languages           text[] = [] (..100 items)
-- @body motto               text ? (..1000 chars)
-- @body description         text ? (..10000 chars)
-- @body default_model_id    int8 ?
-- @error persona_exists  409 "There is a persona named {display_name} already" on 23505
-- @error model_not_found 409 "There is no model {default_model_id}" on 23503
-- @status 201   @location /personas/{id}
-- @returns row
INSERT INTO agent.personas (display_name, role, base_prompt, full_prompt, traits, communication_style, specializations,
                            languages, motto, description, default_model_id)
VALUES (:display_name, :role, :base_prompt, :full_prompt, :traits, :communication_style, :specializations,
        :languages, :motto, :description, :default_model_id)
RETURNING *;

-- @endpoint  PATCH /personas/{id}
-- @operation update_persona
-- @summary   Changes what the body names; null clears what a persona can be without
-- @tier write   @auth user
-- @body display_name        text ? (1..200 chars)
-- @body role                text ? (1..200 chars)
-- @body base_prompt         text ? (..100000 chars)
-- @body full_prompt         text ? (..100000 chars)
-- @body traits              text[] ? (..100 items)
-- @body communication_style text ? (1..100 chars)
-- @body specializations     text[] ? (..100 items)
-- @body languages           text[] ? (..100 items)
-- @body motto               text ? (..1000 chars)
-- @body description         text ? (..10000 chars)
-- @body default_model_id    int8 ?
-- @empty persona_not_found
-- @error persona_not_found 404 "Persona {id} not found"
-- @error persona_exists    409 "There is a persona named {display_name} already" on 23505
-- @error model_not_found   409 "There is no model {default_model_id}" on 23503
-- @returns row
UPDATE agent.personas SET updated_at = now()
       , display_name = :display_name                                                        --? display_name
       , role = :role                                                                        --? role
       , base_prompt = :base_prompt                                                          --? base_prompt
       , full_prompt = :full_prompt                                                          --? full_prompt
       , traits = :traits                                                                    --? traits
       , communication_style = :communication_style                                          --? communication_style
       , specializations = :specializations                                                  --? specializations
       , languages = :languages                                                              --? languages
       , motto = :motto                                                                      --? motto
       , description = :description                                                          --? description
       , default_model_id = :default_model_id                                                --? default_model_id
WHERE id = :id RETURNING *;

-- @endpoint  DELETE /personas/{id}
-- @operation delete_persona
-- @summary   Removes a persona that is not built in and that no agent uses
-- @tier write   @auth user
-- @empty persona_not_found
-- @error persona_not_found 404 "Persona {id} not found"
-- @error persona_builtin   409 "Persona {id} is built in"
-- @error persona_in_use    409 "An agent uses persona {id}" on 23503
-- @returns none
WITH cur AS MATERIALIZED (SELECT id, is_builtin FROM agent.personas WHERE id = :id FOR UPDATE),
     gone AS (DELETE FROM agent.personas p USING cur WHERE p.id = cur.id AND NOT cur.is_builtin RETURNING p.id)
SELECT CASE WHEN cur.is_builtin THEN 'persona_builtin' END AS _error FROM cur LEFT JOIN gone ON true;
