-- SPDX-License-Identifier: MPL-2.0
-- Models of the providers.

-- @endpoint  GET /models
-- @operation list_models
-- @summary   Models by provider and alias
-- @tier read   @auth user
-- @query provider_id        int8 ?
-- @query include_deprecated bool = false
-- @query limit              int4 = 500 (1..500)
-- @query offset             int4 = 0 (0..)
-- @returns {"models": models.rows, "total": total.value}
-- @step models
SELECT m.*, p.name AS provider_name
FROM agent.providers p CROSS JOIN LATERAL (
    SELECT * FROM agent.models m WHERE m.provider_id = p.id AND (:include_deprecated OR NOT m.is_deprecated)
    ORDER BY m.model_alias, m.id LIMIT :limit::int8 + :offset) m
WHERE true
  AND p.id = :provider_id                                                                    --? provider_id
ORDER BY p.name, m.model_alias, m.id LIMIT :limit OFFSET :offset;
-- @step total
SELECT count(*) FROM agent.models m
WHERE (:include_deprecated OR NOT m.is_deprecated)
  AND m.provider_id = :provider_id                                                           --? provider_id
;

-- @endpoint  GET /models/{id}
-- @operation get_model
-- @summary   One model
-- @tier read   @auth user
-- @empty model_not_found
-- @error model_not_found 404 "Model {id} not found"
-- @returns row
SELECT m.*, p.name AS provider_name FROM agent.models m JOIN agent.providers p ON p.id = m.provider_id WHERE m.id = :id;

-- @endpoint  POST /models
-- @operation create_model
-- @summary   A new model of a provider
-- @tier write   @auth user
-- @body provider_id         int8
-- @body model_name          text (1..100 chars)
-- @body model_alias         text ? (1..100 chars)
-- @body pricing_in          numeric ? (0..999999)   @body pricing_out         numeric ? (0..999999)
-- @body pricing_cache_read  numeric ? (0..999999)   @body pricing_cache_write numeric ? (0..999999)
-- @body extended_thinking   bool = false            @body vision              bool = false
-- @body function_calling    bool = true             @body streaming           bool = true
-- @body context_window      int4 ? (1..)            @body max_output          int4 ? (1..)
-- @body release_date        date ?                  @body is_deprecated       bool = false
-- @error provider_not_found 409 "There is no provider {provider_id}" on 23503
-- @error model_exists       409 "Provider {provider_id} has a model {model_name} already" on 23505
-- @status 201   @location /models/{id}
-- @returns row
WITH new AS (
    INSERT INTO agent.models (provider_id, model_name, model_alias, pricing_in, pricing_out, pricing_cache_read,
                              pricing_cache_write, extended_thinking, vision, function_calling, streaming,
                              context_window, max_output, release_date, is_deprecated)
    VALUES (:provider_id, :model_name, :model_alias, :pricing_in, :pricing_out, :pricing_cache_read,
            :pricing_cache_write, :extended_thinking, :vision, :function_calling, :streaming,
            :context_window, :max_output, :release_date, :is_deprecated)
    RETURNING *)
SELECT new.*, p.name AS provider_name FROM new JOIN agent.providers p ON p.id = new.provider_id;

-- @endpoint  PATCH /models/{id}
-- @operation update_model
-- @summary   Changes what the body names; null clears an alias or a price
-- @tier write   @auth user
-- @body model_alias   text ? (1..100 chars)
-- @body pricing_in    numeric ? (0..999999)
-- @body pricing_out   numeric ? (0..999999)
-- @body is_deprecated bool ?
-- @empty model_not_found
-- @error model_not_found 404 "Model {id} not found"
-- @returns row
WITH changed AS (
    UPDATE agent.models SET updated_at = now()
         , model_alias = :model_alias                                                        --? model_alias
         , pricing_in = :pricing_in                                                          --? pricing_in
         , pricing_out = :pricing_out                                                        --? pricing_out
         , is_deprecated = coalesce(:is_deprecated, is_deprecated)
    WHERE id = :id RETURNING *)
SELECT changed.*, p.name AS provider_name FROM changed JOIN agent.providers p ON p.id = changed.provider_id;

-- @endpoint  DELETE /models/{id}
-- @operation delete_model
-- @summary   Removes a model that no persona and no agent uses
-- @tier write   @auth user
-- @empty model_not_found
-- @error model_not_found 404 "Model {id} not found"
-- @error model_in_use    409 "A persona or an agent uses model {id}" on 23503
-- @returns none
DELETE FROM agent.models WHERE id = :id RETURNING id;
