-- Kinds that runs wait for and that no connected device is of, since when. Facts about the server, not
-- about an organization.
CREATE TABLE absent_kinds (
    kind  text PRIMARY KEY,
    since timestamptz NOT NULL DEFAULT now()
);
