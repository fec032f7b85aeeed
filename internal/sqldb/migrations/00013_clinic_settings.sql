-- What the clinic is called can be set without a configuration.

-- +goose Up

-- owner: directory
-- One row: what people call the clinic, and by which clock its house runs. There is
-- none while nobody has said it.
CREATE TABLE clinic (
    id         BIGINT PRIMARY KEY CHECK (id = 1),
    name       TEXT   NOT NULL CHECK (name <> ''),
    time_zone  TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- +goose Down
-- There is no way back but a backup.
SELECT 1;
