-- SPDX-License-Identifier: MPL-2.0
-- The usual model providers and their models, under fixed ids. Prices are US dollars per million tokens. Run again, it
-- adds what is missing and changes nothing else; the sequences are then moved behind the highest id, never back.

INSERT INTO agent.providers (id, name, display_name, api_base_url, is_local) OVERRIDING SYSTEM VALUE VALUES
    (1, 'anthropic', 'Anthropic',   'https://api.anthropic.com/v1',                 false),
    (2, 'openai',    'OpenAI',      'https://api.openai.com/v1',                    false),
    (3, 'deepseek',  'DeepSeek',    'https://api.deepseek.com/v1',                  false),
    (4, 'mistral',   'Mistral AI',  'https://api.mistral.ai/v1',                    false),
    (5, 'google',    'Google AI',   'https://generativelanguage.googleapis.com/v1', false),
    (6, 'ollama',    'Ollama',      'http://localhost:11434',                       true),
    (7, 'groq',      'Groq',        'https://api.groq.com/openai/v1',               false),
    (8, 'together',  'Together AI', 'https://api.together.xyz/v1',                  false)
ON CONFLICT DO NOTHING;

SELECT setval(pg_get_serial_sequence('agent.providers', 'id'), greatest(max(p.id), s.last_value))
FROM agent.providers p CROSS JOIN agent.providers_id_seq s GROUP BY s.last_value;

INSERT INTO agent.models (id, provider_id, model_alias, model_name, pricing_in, pricing_out, pricing_cache_read,
                          pricing_cache_write, context_window, max_output, vision, extended_thinking)
OVERRIDING SYSTEM VALUE
SELECT m.id, p.id, m.alias, m.name, m.price_in, m.price_out, m.cache_read, m.cache_write, m.context, m.output, m.vision,
       m.thinking
FROM (VALUES
    (1,  'anthropic', 'claude-opus-4-5',   'claude-opus-4-5-20251101',   15,   75,   1.50, 18.75, 200000,  32000,  true,  true),
    (2,  'anthropic', 'claude-sonnet-4',   'claude-sonnet-4-20250514',   3,    15,   0.30, 3.75,  200000,  64000,  true,  true),
    (3,  'anthropic', 'claude-haiku-3-5',  'claude-3-5-haiku-20241022',  0.80, 4,    0.08, 1.00,  200000,  8192,   true,  false),
    (4,  'openai',    'gpt-4o',            'gpt-4o',                     2.50, 10,   NULL, NULL,  128000,  16384,  true,  false),
    (5,  'openai',    'gpt-4o-mini',       'gpt-4o-mini',                0.15, 0.60, NULL, NULL,  128000,  16384,  true,  false),
    (6,  'openai',    'o1',                'o1',                         15,   60,   NULL, NULL,  200000,  100000, true,  true),
    (7,  'openai',    'o3-mini',           'o3-mini',                    1.10, 4.40, NULL, NULL,  200000,  100000, false, true),
    (8,  'deepseek',  'deepseek-v3',       'deepseek-chat',              0.27, 1.10, NULL, NULL,  64000,   8192,   false, false),
    (9,  'deepseek',  'deepseek-r1',       'deepseek-reasoner',          0.55, 2.19, NULL, NULL,  64000,   8192,   false, true),
    (10, 'deepseek',  'deepseek-coder',    'deepseek-coder',             0.14, 0.28, NULL, NULL,  128000,  8192,   false, false),
    (11, 'mistral',   'mistral-large',     'mistral-large-latest',       2,    6,    NULL, NULL,  128000,  8192,   false, false),
    (12, 'mistral',   'mistral-small',     'mistral-small-latest',       0.20, 0.60, NULL, NULL,  128000,  8192,   false, false),
    (13, 'mistral',   'codestral',         'codestral-latest',           0.30, 0.90, NULL, NULL,  256000,  8192,   false, false),
    (14, 'mistral',   'pixtral-large',     'pixtral-large-latest',       2,    6,    NULL, NULL,  128000,  8192,   true,  false),
    (15, 'google',    'gemini-2-flash',    'gemini-2.0-flash',           0.10, 0.40, NULL, NULL,  1000000, 8192,   true,  true),
    (16, 'google',    'gemini-2-pro',      'gemini-2.0-pro',             1.25, 5,    NULL, NULL,  2000000, 8192,   true,  true),
    (17, 'ollama',    'llama-3-3-70b',     'llama3.3:70b',               0,    0,    NULL, NULL,  128000,  8192,   false, false),
    (18, 'ollama',    'llama-3-2',         'llama3.2',                   0,    0,    NULL, NULL,  128000,  8192,   false, false),
    (19, 'ollama',    'qwen-2-5-coder',    'qwen2.5-coder:32b',          0,    0,    NULL, NULL,  128000,  8192,   false, false),
    (20, 'ollama',    'deepseek-r1-local', 'deepseek-r1:32b',            0,    0,    NULL, NULL,  64000,   8192,   false, true),
    (21, 'ollama',    'mistral-local',     'mistral',                    0,    0,    NULL, NULL,  32000,   8192,   false, false),
    (22, 'groq',      'groq-llama-3-3-70b', 'llama-3.3-70b-versatile',   0.59, 0.79, NULL, NULL,  128000,  32768,  false, false),
    (23, 'groq',      'groq-mixtral',      'mixtral-8x7b-32768',         0.24, 0.24, NULL, NULL,  32768,   32768,  false, false)
) AS m (id, provider, alias, name, price_in, price_out, cache_read, cache_write, context, output, vision, thinking)
JOIN agent.providers p ON p.name = m.provider
ON CONFLICT DO NOTHING;

SELECT setval(pg_get_serial_sequence('agent.models', 'id'), greatest(max(m.id), s.last_value))
FROM agent.models m CROSS JOIN agent.models_id_seq s GROUP BY s.last_value;
