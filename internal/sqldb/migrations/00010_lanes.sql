-- Jobs in lanes: one that hangs holds up only those of its lane.

-- +goose Up

-- A server of the version before takes jobs of any lane, which does no harm. The
-- lane of what it enqueues is none.
ALTER TABLE jobs ADD COLUMN lane TEXT NOT NULL DEFAULT '';
CREATE INDEX jobs_lane ON jobs (lane, run_at, id);

-- +goose Down
-- There is no way back but a backup.
SELECT 1;
