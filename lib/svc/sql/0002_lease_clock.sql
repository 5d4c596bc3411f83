-- When leases here could be renewed: one row, touched by whoever judges leases. A gap in it is time in
-- which nobody could renew, however long the database, or everybody who uses it, was away.
CREATE TABLE lease_clock (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    beat_at timestamptz NOT NULL,
    since timestamptz NOT NULL                       -- no gap since then
);
