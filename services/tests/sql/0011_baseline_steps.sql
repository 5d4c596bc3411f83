-- A baseline follows its step: it is found by the text of the step, and of steps with the same text by
-- their order. `step_index` is where the step stands now; below 0: the case has no such step any more.
-- Steps of a sub-flow have the sub-flow's baselines.
ALTER TABLE baselines ADD COLUMN step text; -- null: not known, found by its place
UPDATE baselines b SET step = s.text
FROM steps s WHERE s.case_run_id = b.case_run_id AND s.idx = b.step_index;

ALTER TABLE step_checks
    ALTER COLUMN image_key DROP NOT NULL,                    -- null: no screenshot was taken
    ADD COLUMN steps_before integer NOT NULL DEFAULT 0,      -- of the run, that are not of `case_id`
    ADD COLUMN own_index integer GENERATED ALWAYS AS (step_index - steps_before) STORED,
    ADD COLUMN baseline_id bigint,                           -- what it was compared with, if it is still there
    ADD COLUMN awaits_case boolean NOT NULL DEFAULT false;   -- which baseline it has shows when all steps are known

-- The baseline of a step of a run, by its text.
CREATE FUNCTION step_baseline(run bigint, of_case bigint, place integer, step_text text, w integer,
                              h integer) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT id FROM (
        SELECT b.id, row_number() OVER (ORDER BY b.step_index < 0, b.step_index, b.id) AS nth
        FROM baselines b
        WHERE b.case_id = of_case AND b.width = w AND b.height = h AND b.step = step_text) same
    WHERE nth = 1 + (
        SELECT count(DISTINCT k.own_index)
        FROM step_checks k JOIN steps s ON s.case_run_id = k.case_run_id AND s.idx = k.step_index
        WHERE k.case_run_id = run AND k.case_id = of_case AND k.own_index < place AND s.text = step_text)
$$;

-- Brings the baselines of the runs' cases to where their steps stand now. True: some had moved.
CREATE FUNCTION place_baselines(runs bigint[]) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM baselines b
    JOIN (SELECT DISTINCT case_id, width, height FROM step_checks
          WHERE case_run_id = ANY (runs) AND width IS NOT NULL) g USING (case_id, width, height)
    WHERE b.step_index >= 0 AND NOT EXISTS (
        SELECT 1 FROM step_checks k JOIN steps s ON s.case_run_id = k.case_run_id AND s.idx = k.step_index
        WHERE k.case_run_id = ANY (runs) AND k.baseline_id = b.id AND k.own_index = b.step_index
          AND s.text IS NOT DISTINCT FROM b.step)
    LIMIT 1;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM 1 FROM cases
    WHERE id IN (SELECT case_id FROM step_checks WHERE case_run_id = ANY (runs))
    ORDER BY id FOR NO KEY UPDATE;
    UPDATE baselines b SET step_index = -1 - (b.id % 2147483647)::integer
    FROM (SELECT DISTINCT case_id, width, height FROM step_checks
          WHERE case_run_id = ANY (runs) AND width IS NOT NULL) g
    WHERE b.case_id = g.case_id AND b.width = g.width AND b.height = g.height AND b.step_index >= 0;
    UPDATE baselines b SET step_index = at.own_index, step = at.text
    FROM (SELECT DISTINCT ON (baseline_id) * FROM (
              SELECT DISTINCT ON (k.case_id, k.width, k.height, k.own_index)
                     k.baseline_id, k.own_index, s.text
              FROM step_checks k
              JOIN steps s ON s.case_run_id = k.case_run_id AND s.idx = k.step_index
              WHERE k.case_run_id = ANY (runs) AND k.baseline_id IS NOT NULL AND k.width IS NOT NULL
              ORDER BY k.case_id, k.width, k.height, k.own_index, k.id DESC) one
          ORDER BY baseline_id, own_index) at
    WHERE b.id = at.baseline_id;
    RETURN true;
END
$$;

-- The case runs that a public id means: one, or those of a suite run.
CREATE FUNCTION case_runs_named(org bigint, run text) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
    SELECT id FROM case_runs WHERE org_id = org AND public_id = run
    UNION ALL
    SELECT r.id FROM suite_runs s JOIN case_runs r ON r.suite_run_id = s.id
    WHERE s.org_id = org AND s.public_id = run
$$;

-- The screenshots of a run (or of one step of it) that can become baselines, each with the baseline it
-- would replace as it is now.
CREATE FUNCTION checks_to_accept(org bigint, run text, at_step integer)
RETURNS TABLE (case_id bigint, own_index integer, width integer, height integer, step_index integer,
               step text, image_key text, image_type text, case_run_id bigint, compared_key text,
               baseline_id bigint, baseline_key text) LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (k.case_id, k.own_index, k.width, k.height)
           k.case_id, k.own_index, k.width, k.height, k.step_index, s.text, k.image_key, k.image_type,
           k.case_run_id, k.baseline_key, b.id, b.image_key
    FROM step_checks k
    JOIN steps s ON s.case_run_id = k.case_run_id AND s.idx = k.step_index
    LEFT JOIN baselines b ON b.id = coalesce(
        (SELECT o.id FROM baselines o WHERE o.id = k.baseline_id),
        step_baseline(k.case_run_id, k.case_id, k.own_index, s.text, k.width, k.height))
    WHERE k.case_run_id IN (SELECT case_runs_named(org, run))
      AND (at_step IS NULL OR k.step_index = at_step) AND k.width IS NOT NULL
    ORDER BY k.case_id, k.own_index, k.width, k.height, k.id DESC
$$;
