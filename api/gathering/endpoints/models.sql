-- SPDX-License-Identifier: MPL-2.0
-- Models of the providers.

-- @endpoint  GET /models
-- @operation list_models
-- @summary   Models by provider and alias
-- @tier read   @auth user
-- @query provider_id        int8 ?
-- @query include_deprecated bool = false
-- @returns {"models": rows, "total": count}
SELECT m.id, m.provider_id, p.name AS provider_name, m.model_name, m.model_alias, m.pricing_in, m.pricing_out,
       m.pricing_cache_read, m.pricing_cache_write, m.extended_thinking, m.vision, m.function_calling, m.streaming,
       m.context_window, m.max_output, m.release_date, m.is_deprecated, m.created_at, m.updated_at
FROM agent.models m JOIN agent.providers p ON p.id = m.provider_id
WHERE (:provider_id::int8 IS NULL OR m.provider_id = :provider_id) AND (:include_deprecated OR NOT m.is_deprecated)
ORDER BY p.name, m.model_alias, m.id;

-- @endpoint  GET /models/{id}
-- @operation get_model
-- @summary   One model
-- @tier read   @auth user
-- @empty model_not_found
-- @error model_not_found 404 "Model {id} not found"
-- @returns row
SELECT m.id, m.provider_id, p.name AS provider_name, m.model_name, m.model_alias, m.pricing_in, m.pricing_out,
       m.pricing_cache_read, m.pricing_cache_write, m.extended_thinking, m.vision, m.function_calling, m.streaming,
       m.context_window, m.max_output, m.release_date, m.is_deprecated, m.created_at, m.updated_at
FROM agent.models m JOIN agent.providers p ON p.id = m.provider_id
WHERE m.id = :id;
