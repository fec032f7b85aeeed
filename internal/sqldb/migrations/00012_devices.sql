-- Who signs in from somewhere new is told.

-- +goose Up

-- owner: auth
-- From where a user has signed in: digest is a hash of the kind of browser and the
-- network. Forgotten a year after the last time.
CREATE TABLE known_devices (
    user_id UUID   NOT NULL REFERENCES users (id),
    digest  BYTEA  NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, digest)
);
CREATE INDEX known_devices_seen ON known_devices (seen_at);

-- +goose Down
-- There is no way back but a backup.
SELECT 1;
