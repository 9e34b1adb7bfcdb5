-- SPDX-License-Identifier: MPL-2.0
-- Model providers.

-- @endpoint  GET /providers
-- @operation list_providers
-- @summary   Model providers, oldest first, with how many models each has
-- @tier read   @auth user
-- @query limit  int4 = 500 (1..500)
-- @query offset int4 = 0 (0..)
-- @returns {"providers": providers.rows, "total": total.value}
-- @step providers
SELECT p.id, p.name, p.display_name, p.api_base_url, p.is_local, p.config, p.created_at,
       (SELECT count(*) FROM agent.models m WHERE m.provider_id = p.id) AS model_count
FROM agent.providers p ORDER BY p.id LIMIT :limit OFFSET :offset;
-- @step total
SELECT count(*) FROM agent.providers;

-- @endpoint  GET /providers/{id}
-- @operation get_provider
-- @summary   One provider
-- @tier read   @auth user
-- @empty provider_not_found
-- @error provider_not_found 404 "Provider {id} not found"
-- @returns row
SELECT id, name, display_name, api_base_url, is_local, config, created_at
FROM agent.providers WHERE id = :id;

-- @endpoint  POST /providers
-- @operation create_provider
-- @summary   A new provider; its name is kept in lower case
-- @tier write   @auth user
-- @body name         text (1..50 chars)
-- @body display_name text ? (1..100 chars)
-- @body api_base_url text ? (1..2000 chars)
-- @body is_local     bool = false
-- @error provider_exists 409 "A provider named {name} exists already" on 23505
-- @status 201   @location /providers/{id}
-- @returns row
INSERT INTO agent.providers (name, display_name, api_base_url, is_local)
VALUES (lower(:name), :display_name, :api_base_url, :is_local)
RETURNING id, name, display_name, api_base_url, is_local, config, created_at;

-- @endpoint  DELETE /providers/{id}
-- @operation delete_provider
-- @summary   Removes a provider without models
-- @tier write   @auth user
-- @empty provider_not_found
-- @error provider_not_found 404 "Provider {id} not found"
-- @error provider_in_use    409 "Provider {id} still has models" on 23503
-- @returns none
DELETE FROM agent.providers WHERE id = :id RETURNING id;
