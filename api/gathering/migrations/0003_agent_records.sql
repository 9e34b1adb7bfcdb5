-- SPDX-License-Identifier: MPL-2.0
-- What an agent has done so far, and names that differ by more than their capitals.

ALTER TABLE agent.agents
    ADD COLUMN review_strictness     double precision NOT NULL DEFAULT 0.7 CHECK (review_strictness BETWEEN 0 AND 1),
    ADD COLUMN tasks_completed       integer NOT NULL DEFAULT 0 CHECK (tasks_completed >= 0),
    ADD COLUMN reviews_done          integer NOT NULL DEFAULT 0 CHECK (reviews_done >= 0),
    ADD COLUMN approval_rate         double precision NOT NULL DEFAULT 0 CHECK (approval_rate BETWEEN 0 AND 1),
    ADD COLUMN average_quality_score double precision NOT NULL DEFAULT 0
                                      CHECK (average_quality_score BETWEEN 0 AND 100);

-- Providers need none: their names are lower-case by a check.
ALTER TABLE agent.personas DROP CONSTRAINT personas_display_name_unique;
CREATE UNIQUE INDEX personas_display_name_unique ON agent.personas (lower(display_name));

DROP INDEX circle.circles_name_unique;
CREATE UNIQUE INDEX circles_name_unique ON circle.circles (lower(name)) WHERE is_active;
