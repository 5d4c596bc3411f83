-- Twenty suites of one organization, as the list of a team at work has them.
INSERT INTO apps (id, org_id, public_id, name, platform, url)
VALUES (1, 1, 'app_bench01', 'Shop', 'web', 'http://127.0.0.1:8500');
INSERT INTO suites (public_id, org_id, name, description, app_id, platform, variables, tag_names, tag_displays,
                    case_count)
SELECT 'suite_bench' || lpad(n::text, 2, '0'), 1, 'Suite number ' || n, 'What must hold for part ' || n, 1, 'web',
       '{"EMAIL":"ada@example.com"}', '{smoke,nightly}', '{Smoke,Nightly}', 0
FROM generate_series(1, 20) AS n;
