-- SPDX-License-Identifier: MPL-2.0
-- The usual skills. Run again, it adds what is missing and leaves the others as they are: somebody may have disabled one.

INSERT INTO agent.skills (name, display_name, category, is_dangerous, required_permissions, description) VALUES
    ('git',           'Git',            'core',          false, '{read,write}',   'Commits, branches and history of a repository'),
    ('test',          'Tests',          'core',          false, '{read,execute}', 'Runs tests and reads their results'),
    ('filesystem',    'Files',          'core',          false, '{read,write}',   'Reads and writes files of a project'),
    ('code',          'Run code',       'code',          true,  '{execute}',      'Runs pieces of code'),
    ('analysis',      'Code analysis',  'code',          false, '{read}',         'Looks for mistakes and measures code'),
    ('shell',         'Shell',          'system',        true,  '{execute}',      'Runs commands'),
    ('database',      'Databases',      'system',        true,  '{read,write}',   'Asks and changes databases'),
    ('deploy',        'Deployment',     'system',        true,  '{execute}',      'Brings releases to servers'),
    ('web',           'Web search',     'web',           false, '{network}',      'Searches the web'),
    ('scraper',       'Web pages',      'web',           false, '{network}',      'Takes text out of web pages'),
    ('http',          'HTTP',           'web',           false, '{network}',      'Asks HTTP services'),
    ('ai',            'Models',         'ai',            false, '{network}',      'Asks other models'),
    ('email',         'Email',          'communication', false, '{network}',      'Reads and sends mail'),
    ('notifications', 'Notifications',  'communication', false, '{network}',      'Tells people that something happened'),
    ('social',        'Social media',   'communication', false, '{network}',      'Reads and writes posts'),
    ('calendar',      'Calendar',       'productivity',  false, '{read,write}',   'Reads and makes appointments'),
    ('docs',          'Documents',      'productivity',  false, '{read,write}',   'Reads and writes documents'),
    ('image',         'Images',         'media',         false, '{read,write}',   'Makes and changes images'),
    ('pdf',           'PDF',            'media',         false, '{read,write}',   'Reads and makes PDF files'),
    ('cloud',         'Cloud',          'cloud',         true,  '{network}',      'Manages machines and services of a cloud'),
    ('monitoring',    'Monitoring',     'cloud',         false, '{network}',      'Reads metrics and logs'),
    ('goals',         'Goals',          'gathering',     false, '{}',             'Sets and follows goals'),
    ('pipelines',     'Pipelines',      'gathering',     false, '{}',             'Makes and runs pipelines'),
    ('tasks',         'Tasks',          'gathering',     false, '{}',             'Makes and follows background tasks'),
    ('schedules',     'Schedules',      'gathering',     false, '{}',             'Plans actions'),
    ('circles',       'Circles',        'gathering',     false, '{}',             'Makes and fills circles'),
    ('projects',      'Projects',       'gathering',     false, '{}',             'Keeps what is known of projects')
ON CONFLICT DO NOTHING;
