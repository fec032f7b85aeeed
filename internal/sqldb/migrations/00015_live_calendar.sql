-- Calendars that are watched: what changed last, and which holds live, are found
-- without reading the calendar.

-- +goose Up

CREATE INDEX appointments_changed ON appointments (practitioner_id, updated_at, id);
CREATE INDEX appointments_held ON appointments (practitioner_id, hold_expires_at) WHERE status = 'held';

-- +goose Down
-- There is no way back but a backup.
SELECT 1;
