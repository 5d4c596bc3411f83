-- Static sites shown with a build. A preview is a list of paths, each with the content that stands there;
-- contents are kept once per organization, whatever previews show them.
CREATE TABLE viz_previews (
    build_id   uuid PRIMARY KEY REFERENCES viz_builds ON DELETE CASCADE,
    org_id     bigint NOT NULL,
    token      text NOT NULL UNIQUE, -- unguessable: whoever knows it reads
    base       text NOT NULL,        -- folder of the first page; empty: on top
    files      bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX viz_previews_by_end ON viz_previews (expires_at);

-- A content comes here before its bytes go to the store, and leaves after they are gone from it, so that
-- nothing is left behind whoever dies in between. With `loose_at` somebody looks, from then on, whether it
-- is still shown.
CREATE TABLE viz_preview_blobs (
    org_id     bigint NOT NULL,
    sha256     text NOT NULL,
    size_bytes bigint NOT NULL,
    stored     boolean NOT NULL DEFAULT false,
    loose_at   timestamptz,
    PRIMARY KEY (org_id, sha256)
) WITH (fillfactor = 80);
CREATE INDEX viz_preview_blobs_loose ON viz_preview_blobs (loose_at) WHERE loose_at IS NOT NULL;

CREATE TABLE viz_preview_files (
    org_id   bigint NOT NULL,
    build_id uuid NOT NULL REFERENCES viz_previews ON DELETE CASCADE,
    path     text NOT NULL,
    sha256   text NOT NULL,
    PRIMARY KEY (build_id, path),
    FOREIGN KEY (org_id, sha256) REFERENCES viz_preview_blobs
);
CREATE INDEX viz_preview_files_by_content ON viz_preview_files (org_id, sha256);

-- Whatever removes a file of a preview (the sweep, a new upload, the end of the build) leaves its content
-- to be looked at.
CREATE FUNCTION viz_preview_loosen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE viz_preview_blobs b SET loose_at = now()
    FROM (SELECT DISTINCT org_id, sha256 FROM gone) g
    WHERE b.org_id = g.org_id AND b.sha256 = g.sha256 AND b.loose_at IS NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER viz_preview_files_gone AFTER DELETE ON viz_preview_files
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION viz_preview_loosen();

SELECT tenant_table('viz_previews'), tenant_table('viz_preview_blobs'), tenant_table('viz_preview_files');
