-- Accounts: passwords, sessions, second factors, links that are sent, scoped keys,
-- what slows down who guesses or hoards, and messages to people. Secrets are kept as hashes, or sealed with a key that is not
-- in the database.

-- +goose Up

-- owner: auth
-- How a user signs in with a password. A user without a row has none, and an
-- address that an admin vouched for.
CREATE TABLE accounts (
    user_id             UUID   PRIMARY KEY REFERENCES users (id),
    password_hash       TEXT,
    password_changed_at BIGINT,
    verified_at         BIGINT,
    pending_email       TEXT
);

-- owner: auth
-- One sign-in and all tokens that came of it. Ended sessions have no row. handle
-- is what tokens carry: unlike id it is told to nobody else.
CREATE TABLE sessions (
    id                UUID    PRIMARY KEY,
    handle            UUID    NOT NULL,
    user_id           UUID    NOT NULL REFERENCES users (id),
    kind              TEXT    NOT NULL CHECK (kind IN ('tokens', 'browser')),
    access_hash       BYTEA   NOT NULL,
    access_expires_at BIGINT  NOT NULL,
    refresh_hash      BYTEA,
    previous_hash     BYTEA,
    rotated_at        BIGINT,
    client_address    TEXT    NOT NULL,
    user_agent        TEXT    NOT NULL,
    strong            BOOLEAN NOT NULL,
    proved_at         BIGINT  NOT NULL,
    seen_at           BIGINT  NOT NULL,
    created_at        BIGINT  NOT NULL,
    expires_at        BIGINT  NOT NULL
);
CREATE UNIQUE INDEX sessions_handle ON sessions (handle);
CREATE INDEX sessions_user ON sessions (user_id, id);
CREATE INDEX sessions_expires ON sessions (expires_at);

-- owner: auth
-- Links that were sent, each good for one use: a row that is used is deleted.
-- user_id is NULL for the link that sets a clinic up.
CREATE TABLE account_links (
    hash       BYTEA  PRIMARY KEY,
    user_id    UUID   REFERENCES users (id),
    purpose    TEXT   NOT NULL CHECK (purpose IN ('verify', 'reset', 'email', 'setup')),
    email      TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX account_links_user ON account_links (user_id);
CREATE INDEX account_links_expires ON account_links (expires_at);

-- owner: auth
-- Second factors. sealed is what one is checked by: the secret of a TOTP, or a
-- passkey's credential. last_step is the latest step of time whose code was used.
CREATE TABLE factors (
    id            UUID   PRIMARY KEY,
    user_id       UUID   NOT NULL REFERENCES users (id),
    kind          TEXT   NOT NULL CHECK (kind IN ('totp', 'passkey')),
    name          TEXT   NOT NULL,
    credential_id BYTEA,
    sealed        BYTEA  NOT NULL,
    last_step     BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    last_used_at  BIGINT
);
CREATE INDEX factors_user ON factors (user_id, id);
CREATE UNIQUE INDEX factors_credential ON factors (credential_id);

-- owner: auth
-- A code that is used is deleted.
CREATE TABLE recovery_codes (
    user_id UUID  NOT NULL REFERENCES users (id),
    hash    BYTEA NOT NULL,
    PRIMARY KEY (user_id, hash)
);

-- owner: auth
-- Who at an identity provider is which user. Never found by an e-mail address.
CREATE TABLE identities (
    issuer     TEXT   NOT NULL,
    subject    TEXT   NOT NULL,
    id         UUID   NOT NULL,
    user_id    UUID   NOT NULL REFERENCES users (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX identities_user ON identities (user_id, id);

-- owner: auth
-- Challenges that were answered, so that none is answered twice. What was asked
-- is not here: the caller brings it, sealed.
CREATE TABLE spent_challenges (
    id         UUID   PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX spent_challenges_expires ON spent_challenges (expires_at);

-- owner: auth
-- Failed tries by what they were made at: an account, an address, both. subject
-- is a hash, so that the table says nothing of who exists.
CREATE TABLE throttles (
    subject    BYTEA  PRIMARY KEY,
    failures   BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX throttles_updated ON throttles (updated_at);

-- owner: auth
-- A text sealed with the installation's keys, by which a server sees at its start
-- that it was given the keys that belong to this database.
CREATE TABLE key_checks (
    id     BIGINT PRIMARY KEY CHECK (id = 1),
    sealed BYTEA  NOT NULL
);

-- scopes and networks are lists with a space between; no networks means any.
ALTER TABLE api_keys ADD COLUMN scopes TEXT NOT NULL DEFAULT 'all';
ALTER TABLE api_keys ADD COLUMN networks TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN last_used_at BIGINT;

-- When patients made it themselves; NULL for what staff made, and for what is
-- older than this column.
ALTER TABLE patient_calendar ADD COLUMN made_at BIGINT;
CREATE INDEX patient_calendar_made ON patient_calendar (patient_id, made_at);

-- owner: notify
-- One message to one person over one channel. sealed is the message; NULL once
-- it went out.
CREATE TABLE notifications (
    id         UUID   PRIMARY KEY,
    user_id    UUID   NOT NULL REFERENCES users (id),
    kind       TEXT   NOT NULL,
    channel    TEXT   NOT NULL CHECK (channel IN ('email', 'outbox')),
    status     TEXT   NOT NULL CHECK (status IN ('pending', 'sent', 'failed')),
    attempts   BIGINT NOT NULL,
    last_error TEXT   NOT NULL,
    sealed     BYTEA,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX notifications_user ON notifications (user_id, id);
CREATE INDEX notifications_updated ON notifications (updated_at);

-- +goose Down
-- There is no way back but a backup.
SELECT 1;
