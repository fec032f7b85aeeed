-- Servers of an older version go on while a newer one is brought in.

-- +goose Up

-- owner: sqldb
-- One row: the oldest program that may work over this schema, as the number of the
-- newest step that it knows. A step that takes away what older programs use sets it.
CREATE TABLE schema_compatibility (
    id             BIGINT PRIMARY KEY CHECK (id = 1),
    oldest_program BIGINT NOT NULL
);
INSERT INTO schema_compatibility (id, oldest_program) VALUES (1, 16);

-- +goose Down
-- There is no way back but a backup.
SELECT 1;
