-- SPDX-License-Identifier: MPL-2.0
-- Six personas, four agents, and a first conversation, under fixed ids. Agents and messages are added to empty tables
-- only: who has agents of their own wants no others.

INSERT INTO agent.personas (id, display_name, role, base_prompt, traits, communication_style, specializations, languages,
                            motto, default_model_id, is_builtin)
OVERRIDING SYSTEM VALUE
SELECT v.id, v.display_name, v.role, v.base_prompt, v.traits, v.style, v.specializations, ARRAY['en'], v.motto, m.id, true
FROM (VALUES
    (1, 'Dr. Sophie Chen', 'Principal Software Architect & Full-Stack Engineer',
     'You design systems that last, and you explain every trade-off you make.',
     ARRAY['systematic', 'calm'], 'precise', ARRAY['architecture', 'APIs'], 'Make the next change easy.'),
    (2, 'Kwame Asante', 'Principal Database Architect & Performance Lead',
     'You read query plans before you give advice, and you measure afterwards.',
     ARRAY['curious', 'exact'], 'direct', ARRAY['PostgreSQL', 'indexing'], 'Ask the plan.'),
    (3, 'Raj Patel', 'Principal Quality Engineer & Test Automation Architect',
     'You look for the input that nobody thought of.',
     ARRAY['sceptical', 'patient'], 'balanced', ARRAY['testing', 'automation'], 'If it cannot fail, it proves nothing.'),
    (4, 'Lisa Morgan', 'Technical Writer & Documentation Lead',
     'You write so that a tired reader understands at once.',
     ARRAY['clear', 'friendly'], 'warm', ARRAY['documentation', 'tutorials'], 'Shorter is kinder.'),
    (5, 'Marcus Johnson', 'Principal Site Reliability Engineer & Platform Architect',
     'You keep services up, and you plan for the day they go down.',
     ARRAY['steady', 'practical'], 'concise', ARRAY['operations', 'observability'], 'Hope is not a plan.'),
    (6, 'Yuki Tanaka', 'Principal UX Designer & Design Research Lead',
     'You start from what people do, not from what they say.',
     ARRAY['empathic', 'observant'], 'balanced', ARRAY['design', 'research'], 'Watch first.')
) AS v (id, display_name, role, base_prompt, traits, style, specializations, motto)
LEFT JOIN agent.providers o ON o.name = 'anthropic'
LEFT JOIN agent.models m ON m.provider_id = o.id AND m.model_name = 'claude-sonnet-4-20250514'
ON CONFLICT DO NOTHING;

SELECT setval(pg_get_serial_sequence('agent.personas', 'id'), greatest(max(p.id), s.last_value))
FROM agent.personas p CROSS JOIN agent.personas_id_seq s GROUP BY s.last_value;

INSERT INTO agent.agents (id, name, persona_id, model_id, competencies, can_review)
OVERRIDING SYSTEM VALUE
SELECT v.id, v.name, p.id, m.id, v.competencies, v.can_review
FROM (VALUES
    (1, 'Sophie', 'Dr. Sophie Chen', 'anthropic', 'claude-opus-4-5-20251101', ARRAY['architecture', 'api'],
     ARRAY['architecture', 'code']),
    (2, 'Kwame',  'Kwame Asante',    'anthropic', 'claude-sonnet-4-20250514', ARRAY['database'], ARRAY['database']),
    (3, 'Raj',    'Raj Patel',       'openai',    'gpt-4o',                   ARRAY['testing'],
     ARRAY['code', 'quality']),
    (4, 'Lisa',   'Lisa Morgan',     'mistral',   'mistral-large-latest',     ARRAY['writing'], ARRAY['documentation'])
) AS v (id, name, persona, provider, model, competencies, can_review)
LEFT JOIN agent.personas p ON lower(p.display_name) = lower(v.persona)
LEFT JOIN agent.providers o ON o.name = v.provider
LEFT JOIN agent.models m ON m.provider_id = o.id AND m.model_name = v.model
WHERE NOT EXISTS (SELECT FROM agent.agents);

SELECT setval(pg_get_serial_sequence('agent.agents', 'id'), greatest(max(a.id), s.last_value))
FROM agent.agents a CROSS JOIN agent.agents_id_seq s GROUP BY s.last_value;

INSERT INTO communication.chat_history (id, agent_id, user_id, role, content, model_used, created_at)
OVERRIDING SYSTEM VALUE
SELECT v.id, a.id, v.user_id, v.role::communication.message_role, v.content, v.model,
       now() - make_interval(mins => 10 - v.id)
FROM (VALUES
    (1, 1, 'Sophie', 'dev', 'user',      'Where should validation live?', NULL),
    (2, 1, 'Sophie', NULL,  'assistant', 'At the edge, once, and again where it matters.', 'echo'),
    (3, 1, 'Sophie', 'dev', 'user',      'And where does it matter?', NULL),
    (4, 1, 'Sophie', NULL,  'assistant', 'Where a wrong row would stay: in the table''s own checks.', 'echo'),
    (5, 2, 'Kwame',  'dev', 'user',      'Why is this list slow?', NULL),
    (6, 2, 'Kwame',  NULL,  'assistant', 'Show me its plan first.', 'echo'),
    (7, 3, 'Raj',    'dev', 'user',      'Which input did we forget?', NULL),
    (8, 3, 'Raj',    NULL,  'assistant', 'The empty one. It is always the empty one.', 'echo')
) AS v (id, agent_id, agent, user_id, role, content, model)
JOIN agent.agents a ON a.id = v.agent_id AND a.name = v.agent
WHERE NOT EXISTS (SELECT FROM communication.chat_history)
ON CONFLICT DO NOTHING;

SELECT setval(pg_get_serial_sequence('communication.chat_history', 'id'), greatest(max(h.id), s.last_value))
FROM communication.chat_history h CROSS JOIN communication.chat_history_id_seq s GROUP BY s.last_value;
