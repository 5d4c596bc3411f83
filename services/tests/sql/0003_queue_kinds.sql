-- Claims look at the first jobs of each kind, however many of a busy kind stand before them. One index
-- serves them: with a second one in the order of the ranks alone, plans take that and read the backlog.
CREATE INDEX jobs_of_kind ON jobs (kind, rank, id) WHERE state = 'queued';
DROP INDEX jobs_to_claim;

-- The kinds that are queued, one step through the index for each, also before the table has statistics.
CREATE FUNCTION queue_kinds() RETURNS SETOF text LANGUAGE plpgsql STABLE
    SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    k text := '';
BEGIN
    LOOP
        SELECT kind INTO k FROM jobs WHERE state = 'queued' AND kind > k ORDER BY kind LIMIT 1;
        EXIT WHEN NOT FOUND;
        RETURN NEXT k;
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION queue_head() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    mine text := coalesce(current_setting('assay.org_id', true), '');
    head bigint;
BEGIN
    PERFORM set_config('assay.org_id', '0', true);
    SELECT min(j.rank) INTO head
    FROM queue_kinds() k, LATERAL (SELECT rank FROM jobs WHERE state = 'queued' AND kind = k
                                   ORDER BY rank, id LIMIT 1) j;
    PERFORM set_config('assay.org_id', mine, true);
    RETURN head;
END
$$;

-- Locks up to `most` jobs that are next, none of a kind that as many as `crowd` wait for.
CREATE FUNCTION queue_due(most bigint, crowd bigint) RETURNS SETOF bigint LANGUAGE plpgsql
    SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
    RETURN QUERY
    SELECT j.id
    FROM queue_kinds() k,
         LATERAL (SELECT id, rank FROM jobs WHERE state = 'queued' AND kind = k
                  ORDER BY rank, id LIMIT most FOR UPDATE SKIP LOCKED) j
    WHERE k NOT IN (SELECT kind FROM jobs WHERE state = 'waiting' GROUP BY kind
                    HAVING count(*) >= crowd)
    ORDER BY j.rank, j.id LIMIT most;
END
$$;

-- Each run changes its job's row a handful of times: what that leaves is swept early.
ALTER TABLE jobs SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.05);
