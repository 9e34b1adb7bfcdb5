-- Sample data, added by muster migrate --seed. It may run again and again, so it leaves alone what is there.

INSERT INTO greetings (language, words) VALUES
    ('en', 'Hello'),
    ('fr', 'Bonjour'),
    ('es', 'Hola')
ON CONFLICT (language) DO NOTHING;
