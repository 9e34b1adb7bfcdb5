-- A block is an endpoint: annotations, which are comments that begin with an @, then one SQL statement.
--
-- The first annotation says which requests it answers; {name} becomes the parameter :name. The second is its name for
-- everybody who does not speak HTTP: muster call say_hello name=Ann
--
-- @endpoint  GET /hello/{name}
-- @operation say_hello
-- @summary   A greeting in a language of your choice
--
-- Who may ask: public is everybody, user (the default) who has said who they are.
-- @auth public
--
-- Parameters have the types of the database. What does not fit is refused before the database is asked:
-- try /hello/Ann?language=english
-- @path  name     text (1..50 chars)
-- @query language text = en (2..2 chars)
--
-- When there is no row, the answer is this refusal.
-- @empty no_such_language
-- @error no_such_language 404 "There is no greeting in {language}"
--
-- One row, as a JSON object with a member for each column.
-- @returns row
SELECT words || ', ' || :name || '!' AS greeting, language FROM greetings WHERE language = :language;

-- A form, such as <form method="post"> or curl -d sends it. For JSON it would be @body instead of @form.
--
-- @endpoint  PUT /greetings/{language}
-- @operation set_greeting
-- @summary   Adds a greeting or changes it
-- @path language text (2..2 chars)
-- @form words    text (1..100 chars)
-- @returns row
INSERT INTO greetings (language, words) VALUES (:language, :words)
ON CONFLICT (language) DO UPDATE SET words = excluded.words
RETURNING language, words;
