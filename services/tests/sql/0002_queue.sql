-- What a job waits for: a kind of device, one device, or one live session.
ALTER TABLE jobs
    ADD COLUMN kind text NOT NULL GENERATED ALWAYS AS (
        CASE WHEN own_session
             THEN platform || '/' || coalesce(category, '') || '/' || coalesce(device_id, '')
             ELSE 'session/' || session_id::text END) STORED,
    -- What sessions knows devices by that lost hand-outs of this job may still hold.
    ADD COLUMN stale_keys text[] NOT NULL DEFAULT '{}';
CREATE INDEX jobs_stale ON jobs (id) WHERE cardinality(stale_keys) > 0;
CREATE INDEX jobs_cancelling ON jobs (id) WHERE cancel AND NOT cancel_sent AND state = 'running';

-- The highest rank ever dealt, over all organizations.
CREATE FUNCTION queue_last() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    mine text := coalesce(current_setting('assay.org_id', true), '');
    last bigint;
BEGIN
    PERFORM set_config('assay.org_id', '0', true);
    SELECT max(last_rank) INTO last FROM queue_ranks;
    PERFORM set_config('assay.org_id', mine, true);
    RETURN last;
END
$$;
