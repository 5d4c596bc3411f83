-- Endpoints that are no webhooks: the chats and the repository of an organization's settings. Their
-- address is a secret and stands sealed where a webhook has its signing secret; `url` is empty.

ALTER TABLE endpoints
    ADD COLUMN kind text NOT NULL DEFAULT 'webhook'
        CHECK (kind IN ('webhook', 'slack', 'teams', 'github')),
    ADD COLUMN old_secret bytea,                     -- signs too, until ...
    ADD COLUMN old_secret_until timestamptz;
CREATE UNIQUE INDEX endpoints_kind ON endpoints (org_id, kind) WHERE kind <> 'webhook';

ALTER TABLE deliveries
    ADD COLUMN order_key text,                       -- events of one thing go out in their order
    ADD COLUMN forced boolean NOT NULL DEFAULT false; -- by hand: sent even when switched off
CREATE INDEX deliveries_order ON deliveries (endpoint_id, order_key, id)
    WHERE state = 'pending' AND order_key IS NOT NULL;
CREATE INDEX deliveries_of_endpoint ON deliveries (endpoint_id, id DESC);

CREATE TABLE settings (
    org_id     bigint NOT NULL CHECK (org_id > 0),
    name       text NOT NULL,
    value      text,                                 -- one of the two
    sealed     bytea,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, name),
    CHECK ((value IS NULL) <> (sealed IS NULL))
);
SELECT tenant_table('settings');

-- The one comment of each pull request, and what stands in it.
CREATE TABLE github_comments (
    org_id     bigint NOT NULL,
    repo       text NOT NULL,
    pull       bigint NOT NULL,
    comment_id bigint,                               -- null: not made yet
    PRIMARY KEY (org_id, repo, pull)
);
SELECT tenant_table('github_comments');

CREATE TABLE github_results (
    org_id     bigint NOT NULL,
    repo       text NOT NULL,
    pull       bigint NOT NULL,
    name       text NOT NULL,                        -- of the suite or case
    run_id     text NOT NULL,
    status     text NOT NULL,
    sha        text NOT NULL,
    run_url    text,
    duration_ms bigint,
    at         timestamptz NOT NULL,                 -- of the event: an older one never wins
    PRIMARY KEY (org_id, repo, pull, name)
);
SELECT tenant_table('github_results');
