-- Messages about more than accounts, over more channels, as people wish.

-- +goose Up

-- The table is made anew, because an engine can't drop the CHECK that knew two
-- channels. A channel is a type of package notify; what it is called is no matter
-- of the schema.
ALTER TABLE notifications RENAME TO notifications_before;

-- owner: notify
-- One message to one person over one channel. about is the id of what it tells of,
-- and with_role the role of who did it. wanted is the channel that it was meant
-- for, if it took another, and note says why. sealed is the message; NULL once it
-- went out.
CREATE TABLE notifications (
    id         UUID   PRIMARY KEY,
    user_id    UUID   NOT NULL REFERENCES users (id),
    kind       TEXT   NOT NULL,
    about      TEXT   NOT NULL DEFAULT '',
    with_role  TEXT   NOT NULL DEFAULT '',
    channel    TEXT   NOT NULL,
    wanted     TEXT   NOT NULL DEFAULT '',
    note       TEXT   NOT NULL DEFAULT '',
    status     TEXT   NOT NULL CHECK (status IN ('pending', 'sent', 'failed')),
    attempts   BIGINT NOT NULL,
    last_error TEXT   NOT NULL,
    sealed     BYTEA,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
INSERT INTO notifications (id, user_id, kind, channel, status, attempts, last_error, sealed, created_at, updated_at)
    SELECT id, user_id, kind, channel, status, attempts, last_error, sealed, created_at, updated_at FROM notifications_before;
DROP TABLE notifications_before;
CREATE INDEX notifications_user ON notifications (user_id, id);
CREATE INDEX notifications_updated ON notifications (updated_at);

-- owner: notify
-- How somebody wants to be told: in which language, and between which times of
-- their day no SMS may come. Who has no row has the defaults.
CREATE TABLE notification_settings (
    user_id    UUID   PRIMARY KEY REFERENCES users (id),
    language   TEXT   NOT NULL CHECK (language IN ('en', 'de')),
    quiet_from TEXT   NOT NULL,
    quiet_to   TEXT   NOT NULL,
    version    BIGINT NOT NULL
);

-- owner: notify
-- Over which channel somebody wants messages of a kind; off: not at all.
CREATE TABLE notification_preferences (
    user_id UUID NOT NULL REFERENCES users (id),
    kind    TEXT NOT NULL,
    channel TEXT NOT NULL,
    PRIMARY KEY (user_id, kind)
);

-- owner: notify
-- Browsers that take push messages. sealed is where they are and their keys.
CREATE TABLE push_subscriptions (
    user_id    UUID   NOT NULL REFERENCES users (id),
    id         UUID   NOT NULL,
    digest     BYTEA  NOT NULL,
    sealed     BYTEA  NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, id)
);
CREATE UNIQUE INDEX push_subscriptions_digest ON push_subscriptions (user_id, digest);

-- +goose Down
-- There is no way back but a backup.
SELECT 1;
