-- SPDX-License-Identifier: MPL-2.0
-- Logging in and out. Passwords are the auth worker's business, which asks the operations without an endpoint below:
-- its requests have the role `login`, which no token gets and no peer is given.

-- @endpoint  POST /auth/login
-- @operation login
-- @summary   A token for an e-mail address and a password, as OAuth 2 clients ask for it
-- @tier auth   @auth public
-- @form username text (1..254 chars)
-- @form password text (1..1000 chars)
-- @service auth
-- @timeout 30s
-- @returns row

-- @endpoint  POST /auth/login/json
-- @operation login_json
-- @summary   A token for an e-mail address and a password
-- @tier auth   @auth public
-- @body email    text (1..254 chars)
-- @body password text (1..1000 chars)
-- @service auth
-- @timeout 30s
-- @returns row

-- @endpoint  POST /auth/register
-- @operation register
-- @summary   A new user, who can log in at once
-- @tier auth   @auth public
-- @status 201
-- @body email    text (3..254 chars)
-- @body password text (8..72 chars)
-- @body name     text (1..100 chars)
-- @service auth
-- @timeout 30s
-- @error email_taken 409 "There is a user with this e-mail address already"
-- @returns row

-- @endpoint  GET /auth/me
-- @operation who_am_i
-- @summary   The user whose token this is
-- @tier read   @auth user
-- @empty no_such_user
-- @error no_such_user 401 "The user of this token does not exist, or is not active"
-- @returns row
SELECT u.external_id AS id, u.email, u.name, u.role, u.is_active, u.created_at
FROM auth.users u WHERE u.external_id = :auth.sub AND u.is_active
UNION ALL
SELECT 'admin', :auth.email, 'Administrator', 'admin',
       true, NULL
WHERE :auth.sub = 'admin';

-- @endpoint  POST /auth/verify
-- @operation verify_token
-- @summary   Whether a token is good: whom it stands for, and until when
-- @tier write   @auth user   @reads   @claims
-- @empty no_such_user
-- @error no_such_user 401 "The user of this token does not exist, or is not active"
-- @returns row
SELECT true AS valid, :auth.sub AS user_id, :auth.email AS email, :auth.role AS role,
       to_timestamp((t.claims ->> 'exp')::float8) AS expires_at
FROM (SELECT nullif(current_setting('request.jwt.claims', true), '')::jsonb AS claims) t
WHERE :auth.sub = 'admin'
   OR EXISTS (SELECT FROM auth.users u WHERE u.external_id = :auth.sub AND u.is_active);

-- The token's key is a claim that the gateway adds.
-- @endpoint  POST /auth/logout
-- @operation logout
-- @summary   Ends a token before its time, at all gateways
-- @tier write   @auth user   @claims
-- @error no_token 400 "There is no token to end"
-- @returns row
WITH token AS (
    SELECT decode(claims ->> 'muster:key', 'base64') AS key, to_timestamp((claims ->> 'exp')::float8) AS expires_at
    FROM (SELECT nullif(current_setting('request.jwt.claims', true), '')::jsonb AS claims) t),
event AS (
    INSERT INTO audit.security_events (event_type, user_id, message, request_id)
    VALUES ('logout', :auth.sub, 'A token was revoked', :request.id))
SELECT CASE WHEN key IS NULL THEN 'no_token' END AS _error, 'Logged out' AS message, :auth.sub AS user_id,
       CASE WHEN key IS NOT NULL THEN muster.revoke(key, coalesce(expires_at, now() + interval '100 years')) END AS _revoked
FROM token;

-- Every gateway holds all of them.
-- @endpoint  GET /auth/blacklist/stats
-- @operation count_revoked
-- @summary   How many tokens are revoked and have not expired
-- @tier read   @auth admin
-- @returns row
SELECT count(*) AS cache_size, 1048576 AS cache_max_size, count(*) AS db_active_tokens
FROM muster.revocations WHERE expires_at > now();

-- What gateways ask about a token while nobody tells them of revocations.
-- @operation auth_revoked
-- @param key bytea
-- @reads   @auth user
-- @returns row
SELECT EXISTS (SELECT FROM muster.revocations WHERE key = :key) AS revoked;

-- @operation auth_user_by_email
-- @param email text
-- @reads   @auth role login
-- @returns {"user": user.row}
-- @step user
SELECT external_id AS id, email, role, is_active, password_hash FROM auth.users WHERE email_lower = lower(:email);

-- @operation auth_create_user
-- @param email         text
-- @param name          text
-- @param password_hash text
-- @param address       inet ?
-- @writes   @auth role login
-- @error email_taken 409 "There is a user with this e-mail address already" on 23505 users_email
-- @returns row
WITH made AS (
    INSERT INTO auth.users (email, name, password_hash) VALUES (:email, :name, :password_hash)
    RETURNING external_id, email, name, role, is_active, created_at),
event AS (
    INSERT INTO audit.security_events (event_type, user_id, ip_address, message, request_id)
    SELECT 'user_registered', external_id, :address, 'A user has registered', :request.id FROM made)
SELECT external_id AS id, email, name, role, is_active, created_at FROM made;

-- @operation auth_audit
-- @param event_type text in (auth_success, auth_failure)
-- @param user_id    text ?
-- @param email      text
-- @param address    inet ?
-- @writes   @auth role login
-- @returns row
INSERT INTO audit.security_events (event_type, severity, user_id, ip_address, message, details, request_id)
VALUES (:event_type, CASE :event_type WHEN 'auth_success' THEN 'info' ELSE 'warning' END, :user_id, :address,
        CASE :event_type WHEN 'auth_success' THEN 'Logged in' ELSE 'A login failed' END,
        jsonb_build_object('email', :email::text), :request.id)
RETURNING id;
