-- A worker that is being stopped, or whose browser does not start, keeps its sessions while nobody gets
-- its devices. People's sessions on one that is being stopped end then.
ALTER TABLE devices ADD COLUMN offered boolean NOT NULL DEFAULT true;
ALTER TABLE workers ADD COLUMN ends_at timestamptz;
