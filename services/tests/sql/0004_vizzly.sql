-- Visual builds of the SDK: screenshots, comparisons with baselines, reviews.

CREATE TABLE viz_builds (
    id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    seq                 bigint GENERATED ALWAYS AS IDENTITY, -- order of creation
    org_id              bigint NOT NULL,
    project_id          bigint NOT NULL,
    name                text NOT NULL,
    branch              text,
    environment         text NOT NULL,
    commit_sha          text,
    commit_message      text,
    common_ancestor_sha text,
    pull_request        bigint,
    parallel_id         text,
    threshold           float8 NOT NULL, -- per cent of pixels that may differ
    colour_delta        float8 NOT NULL, -- a pixel differs from there on; 0: any difference
    cluster_min         integer NOT NULL,
    metadata            json,
    status              text NOT NULL DEFAULT 'created'
                        CHECK (status IN ('created', 'processing', 'completed', 'failed')),
    screenshots         bigint NOT NULL DEFAULT 0,
    execution_time_ms   bigint,
    user_agent          text,
    told                boolean NOT NULL DEFAULT false, -- that all is compared
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    completed_at        timestamptz
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX viz_builds_parallel ON viz_builds (project_id, parallel_id)
    WHERE parallel_id IS NOT NULL;
CREATE INDEX viz_builds_of_project ON viz_builds (project_id, seq DESC);
CREATE INDEX viz_builds_by_commit ON viz_builds (project_id, commit_sha) WHERE commit_sha IS NOT NULL;

-- One picture of an organization, whatever screenshots show it. `pixels` is the same for two files
-- that look the same; `file_key` is the unguessable name it is served under.
CREATE TABLE viz_images (
    org_id       bigint NOT NULL,
    sha256       text NOT NULL,
    pixels       text NOT NULL,
    blob_key     text NOT NULL,
    file_key     text NOT NULL UNIQUE,
    content_type text NOT NULL,
    width        bigint NOT NULL,
    height       bigint NOT NULL,
    size_bytes   bigint NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, sha256)
);
CREATE INDEX viz_images_by_pixels ON viz_images (org_id, pixels);
CREATE TABLE viz_storage (
    org_id bigint PRIMARY KEY,
    bytes  bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE viz_screenshots (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id          bigint NOT NULL,
    project_id      bigint NOT NULL,
    build_id        uuid NOT NULL REFERENCES viz_builds ON DELETE CASCADE,
    build_seq       bigint NOT NULL,
    branch          text,
    name            text NOT NULL,
    browser         text,
    viewport_width  bigint,
    viewport_height bigint,
    signature       text NOT NULL, -- what makes it the same screenshot in another build
    sha256          text NOT NULL,
    url             text,
    properties      json NOT NULL,
    rejected        boolean NOT NULL DEFAULT false, -- never a baseline
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (build_id, signature, sha256)
);
CREATE INDEX viz_screenshots_baseline ON viz_screenshots (project_id, signature, branch, build_seq DESC)
    WHERE NOT rejected;
CREATE INDEX viz_screenshots_by_sha ON viz_screenshots (project_id, sha256);
CREATE INDEX viz_screenshots_by_name ON viz_screenshots (project_id, name, build_seq DESC);

-- What a client said of a picture before it sent it: the bytes that follow carry less.
CREATE TABLE viz_announced (
    org_id          bigint NOT NULL,
    build_id        uuid NOT NULL REFERENCES viz_builds ON DELETE CASCADE,
    sha256          text NOT NULL,
    name            text NOT NULL,
    browser         text,
    viewport_width  bigint,
    viewport_height bigint,
    url             text,
    PRIMARY KEY (build_id, sha256, name)
);

-- Two pictures and how to look at them: compared once, for all comparisons that need it. Also the
-- queue: a pending pair is claimed for the time of a lease.
CREATE TABLE viz_pairs (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id          bigint NOT NULL,
    base_pixels     text NOT NULL,
    current_pixels  text NOT NULL,
    colour_delta    float8 NOT NULL,
    cluster_min     integer NOT NULL,
    base_blob       text NOT NULL,
    current_blob    text NOT NULL,
    state           text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'failed')),
    wanted          bigint NOT NULL DEFAULT 1,
    lease_until     timestamptz,
    attempts        integer NOT NULL DEFAULT 0,
    fence           bigint NOT NULL DEFAULT 0,
    error           text,
    verdict         text,
    diff_pixels     bigint,
    diff_percentage float8,
    ssim            float8,
    fingerprint     text,
    regions         json,     -- of what differs: {x1, y1, x2, y2, pixels, class, ...}
    bands           bigint[], -- rows of the regions: y1, y2, y1, y2, ...
    diff_blob       text,
    diff_key        text UNIQUE,
    created_at      timestamptz NOT NULL DEFAULT now(),
    done_at         timestamptz,
    UNIQUE (org_id, base_pixels, current_pixels, colour_delta, cluster_min)
) WITH (fillfactor = 70);
CREATE INDEX viz_pairs_pending ON viz_pairs (id) WHERE state = 'pending';

CREATE TABLE viz_comparisons (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id           bigint NOT NULL,
    project_id       bigint NOT NULL,
    build_id         uuid NOT NULL REFERENCES viz_builds ON DELETE CASCADE,
    screenshot_id    uuid NOT NULL UNIQUE REFERENCES viz_screenshots ON DELETE CASCADE,
    baseline_id      uuid NOT NULL REFERENCES viz_screenshots,
    baseline_why     text NOT NULL, -- common_ancestor, branch, default_branch
    pair_id          bigint REFERENCES viz_pairs, -- null: the pixels are the same
    threshold        float8 NOT NULL,
    status           text NOT NULL CHECK (status IN ('pending', 'completed', 'failed')),
    diff_percentage  float8,
    has_diff         boolean,
    approval_status  text NOT NULL
                     CHECK (approval_status IN ('pending', 'approved', 'rejected', 'auto_approved')),
    approval_comment text,
    approved_by      uuid,
    approved_at      timestamptz,
    approved_from    uuid, -- the comparison whose approval it has, because the content is the same
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    completed_at     timestamptz
) WITH (fillfactor = 80);
CREATE INDEX viz_comparisons_of_build ON viz_comparisons (build_id);
CREATE INDEX viz_comparisons_pending ON viz_comparisons (build_id) WHERE status = 'pending';
CREATE INDEX viz_comparisons_of_pair ON viz_comparisons (pair_id) WHERE pair_id IS NOT NULL;
CREATE INDEX viz_comparisons_of_project ON viz_comparisons (project_id, created_at DESC, id DESC);
CREATE INDEX viz_comparisons_of_baseline ON viz_comparisons (baseline_id);

-- Content that a person approved: approved on every branch.
CREATE TABLE viz_approved (
    org_id        bigint NOT NULL,
    project_id    bigint NOT NULL,
    signature     text NOT NULL,
    pixels        text NOT NULL,
    comparison_id uuid NOT NULL REFERENCES viz_comparisons ON DELETE CASCADE,
    comment       text,
    approved_by   uuid NOT NULL,
    approved_at   timestamptz NOT NULL,
    PRIMARY KEY (project_id, signature, pixels)
);
CREATE INDEX viz_approved_by_comparison ON viz_approved (comparison_id);

CREATE TABLE viz_comments (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    seq         bigint GENERATED ALWAYS AS IDENTITY,
    org_id      bigint NOT NULL,
    build_id    uuid NOT NULL REFERENCES viz_builds ON DELETE CASCADE,
    parent_id   uuid REFERENCES viz_comments ON DELETE CASCADE,
    user_id     uuid NOT NULL,
    author_name text NOT NULL,
    content     text NOT NULL,
    type        text NOT NULL CHECK (type IN ('general', 'approval', 'rejection')),
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX viz_comments_of_build ON viz_comments (build_id, seq);

CREATE TABLE viz_assignments (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id       bigint NOT NULL,
    build_id     uuid NOT NULL REFERENCES viz_builds ON DELETE CASCADE,
    user_id      uuid NOT NULL,
    user_name    text NOT NULL,
    status       text NOT NULL DEFAULT 'pending'
                 CHECK (status IN ('pending', 'completed', 'approved', 'rejected')),
    assigned_at  timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz,
    due_at       timestamptz,
    UNIQUE (build_id, user_id)
);

SELECT tenant_table('viz_builds'), tenant_table('viz_images'), tenant_table('viz_storage'),
       tenant_table('viz_screenshots'), tenant_table('viz_announced'), tenant_table('viz_pairs'),
       tenant_table('viz_comparisons'), tenant_table('viz_approved'), tenant_table('viz_comments'),
       tenant_table('viz_assignments');

-- What clients are told: a build is not complete before all of it is compared.
CREATE FUNCTION viz_status(build viz_builds) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN build.status = 'completed' AND EXISTS (
               SELECT FROM viz_comparisons c WHERE c.build_id = build.id AND c.status = 'pending')
           THEN 'processing' ELSE build.status END
$$;

CREATE FUNCTION viz_signature(name text, width bigint, browser text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT btrim(name) || '|' || coalesce(width::text, '') || '|' || lower(btrim(coalesce(browser, '')))
$$;
