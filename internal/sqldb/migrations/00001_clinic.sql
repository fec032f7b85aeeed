-- The first schema. One text for SQLite and PostgreSQL, and for distributed
-- engines that speak PostgreSQL's protocol: instants are microseconds since
-- 1970 UTC, civil dates and times are text, and every scheduling key leads with
-- practitioner_id, every personal one with patient_id. To read an instant:
--   SQLite      SELECT datetime(starts_at / 1000000, 'unixepoch')
--   PostgreSQL  SELECT to_timestamp(starts_at / 1000000.0)

-- +goose Up

-- owner: directory
CREATE TABLE users (
    id         UUID   PRIMARY KEY,
    email      TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    role       TEXT   NOT NULL CHECK (role IN ('patient', 'practitioner', 'admin', 'auditor')),
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX users_email ON users (email);

-- owner: directory
-- What we keep of a user beyond the columns that users has had elsewhere.
CREATE TABLE user_profiles (
    user_id       UUID   PRIMARY KEY REFERENCES users (id),
    phone         TEXT   NOT NULL,
    address       TEXT   NOT NULL,
    time_zone     TEXT   NOT NULL,
    date_of_birth TEXT,
    updated_at    BIGINT NOT NULL,
    version       BIGINT NOT NULL
);

-- owner: directory
CREATE TABLE practitioners (
    id         UUID   PRIMARY KEY,
    user_id    UUID   NOT NULL REFERENCES users (id),
    specialty  TEXT   NOT NULL,
    bio        TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX practitioners_user ON practitioners (user_id);

-- owner: directory
-- What the public directory searches, folded in Go because the engines' lower() differ.
CREATE TABLE practitioner_search (
    practitioner_id UUID   PRIMARY KEY REFERENCES practitioners (id),
    specialty       TEXT   NOT NULL,
    words           TEXT   NOT NULL,
    listed          BOOLEAN NOT NULL,
    version         BIGINT NOT NULL
);
CREATE INDEX practitioner_search_specialty ON practitioner_search (specialty, practitioner_id);

-- owner: directory
-- A row for each user who can be booked for: the row that a patient's bookings lock.
CREATE TABLE patients (
    patient_id UUID PRIMARY KEY
);

-- owner: directory
CREATE TABLE care_relations (
    patient_id      UUID   NOT NULL REFERENCES patients (patient_id),
    practitioner_id UUID   NOT NULL,
    source          TEXT   NOT NULL CHECK (source IN ('appointment', 'encounter', 'assigned')),
    since           BIGINT NOT NULL,
    ended_at        BIGINT,
    PRIMARY KEY (patient_id, practitioner_id)
);
CREATE INDEX care_relations_practitioner ON care_relations (practitioner_id, patient_id);

-- owner: auth
CREATE TABLE api_keys (
    id          UUID   PRIMARY KEY,
    user_id     UUID   NOT NULL REFERENCES users (id),
    name        TEXT   NOT NULL,
    secret_hash BYTEA  NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX api_keys_user ON api_keys (user_id);

-- owner: idempotency
-- status is NULL while the first request is still at work.
CREATE TABLE idempotency_keys (
    caller     TEXT   NOT NULL,
    route      TEXT   NOT NULL,
    key        TEXT   NOT NULL,
    body_hash  BYTEA  NOT NULL,
    status     BIGINT,
    header     TEXT,
    body       BYTEA,
    created_at BIGINT,
    PRIMARY KEY (caller, route, key)
);
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);

-- owner: jobs
CREATE TABLE jobs (
    id          UUID   PRIMARY KEY,
    kind        TEXT   NOT NULL,
    payload     TEXT   NOT NULL,
    run_at      BIGINT NOT NULL,
    attempts    BIGINT NOT NULL,
    owner       UUID,
    lease_until BIGINT NOT NULL,
    created_at  BIGINT NOT NULL
);
CREATE INDEX jobs_due ON jobs (run_at, id);

-- owner: audit
-- Append-only: no statement of ours updates or deletes a row. seq is the place
-- in the tamper-evident sequence, given when a record is sealed; NULL before.
CREATE TABLE audit_events (
    id              UUID   PRIMARY KEY,
    seq             BIGINT,
    at              BIGINT NOT NULL,
    actor_id        UUID,
    actor_role      TEXT   NOT NULL,
    credential_id   UUID,
    action          TEXT   NOT NULL,
    resource_type   TEXT   NOT NULL,
    resource_id     TEXT   NOT NULL,
    outcome         TEXT   NOT NULL CHECK (outcome IN ('success', 'denied', 'failed')),
    count           BIGINT NOT NULL,
    purpose         TEXT   NOT NULL,
    request_id      TEXT   NOT NULL,
    client_address  TEXT   NOT NULL,
    user_agent      TEXT   NOT NULL
);
CREATE INDEX audit_events_actor ON audit_events (actor_id, at);

-- owner: audit
CREATE TABLE audit_patients (
    patient_id UUID   NOT NULL,
    event_id   UUID   NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (patient_id, event_id)
);
CREATE INDEX audit_patients_time ON audit_patients (patient_id, at);

-- owner: scheduling
-- The row that editors of a practitioner's time lock alone and that bookings share.
-- open is false for somebody who is a practitioner no longer: nothing new is booked.
CREATE TABLE schedules (
    practitioner_id             UUID   PRIMARY KEY,
    time_zone                   TEXT   NOT NULL,
    slot_minutes                BIGINT NOT NULL CHECK (slot_minutes BETWEEN 5 AND 240),
    notice_seconds              BIGINT NOT NULL CHECK (notice_seconds >= 0),
    hold_seconds                BIGINT NOT NULL CHECK (hold_seconds >= 1),
    cancellation_window_seconds BIGINT NOT NULL CHECK (cancellation_window_seconds >= 0),
    horizon_days                BIGINT NOT NULL CHECK (horizon_days BETWEEN 1 AND 3650),
    max_open_holds              BIGINT NOT NULL CHECK (max_open_holds BETWEEN 1 AND 1000),
    open                        BOOLEAN NOT NULL,
    version                     BIGINT NOT NULL
);

-- owner: scheduling
-- When a practitioner works, as they said it. kind tells which columns count:
--   span       starts_at, ends_at: one stretch between two instants
--   day        on_date, from_time, to_time: one stretch of a local day
--   weekly     weekdays, from_time, to_time, valid_from, valid_until (inclusive)
--   slot       starts_at, ends_at, blocked: one slot made by hand
--   exception  starts_at, ends_at: no slot of a longer stretch here
CREATE TABLE availability (
    practitioner_id UUID   NOT NULL REFERENCES schedules (practitioner_id),
    id              UUID   NOT NULL,
    kind            TEXT   NOT NULL CHECK (kind IN ('span', 'day', 'weekly', 'slot', 'exception')),
    starts_at       BIGINT,
    ends_at         BIGINT,
    on_date         TEXT,
    from_time       TEXT,
    to_time         TEXT,
    weekdays        TEXT,
    valid_from      TEXT,
    valid_until     TEXT,
    blocked         BOOLEAN NOT NULL,
    created_at      BIGINT NOT NULL,
    version         BIGINT NOT NULL,
    PRIMARY KEY (practitioner_id, id),
    CHECK (ends_at > starts_at)
);

-- owner: scheduling
CREATE TABLE time_off (
    practitioner_id UUID   NOT NULL REFERENCES schedules (practitioner_id),
    id              UUID   NOT NULL,
    starts_at       BIGINT,
    ends_at         BIGINT,
    on_date         TEXT,
    from_time       TEXT,
    to_time         TEXT,
    reason          TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (practitioner_id, id),
    CHECK (ends_at > starts_at)
);

-- owner: scheduling
-- Time taken, in cells of five minutes: cell = unix time / 300. The primary key
-- is what makes a double booking impossible. expires_at is NULL once confirmed.
CREATE TABLE claims (
    practitioner_id UUID   NOT NULL,
    cell            BIGINT NOT NULL,
    appointment_id  UUID   NOT NULL,
    expires_at      BIGINT,
    PRIMARY KEY (practitioner_id, cell)
);
CREATE INDEX claims_appointment ON claims (practitioner_id, appointment_id);

-- owner: scheduling
CREATE TABLE appointments (
    practitioner_id UUID   NOT NULL REFERENCES schedules (practitioner_id),
    id              UUID   NOT NULL,
    patient_id      UUID   NOT NULL,
    starts_at       BIGINT NOT NULL,
    ends_at         BIGINT NOT NULL,
    slots           BIGINT NOT NULL CHECK (slots >= 1),
    status          TEXT   NOT NULL CHECK (status IN ('held', 'confirmed', 'completed', 'no_show', 'expired', 'cancelled')),
    hold_expires_at BIGINT,
    reference       TEXT   NOT NULL,
    reason          TEXT   NOT NULL,
    override_reason TEXT   NOT NULL,
    cancel_reason   TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    version         BIGINT NOT NULL,
    PRIMARY KEY (practitioner_id, id),
    CHECK (ends_at > starts_at)
);
CREATE INDEX appointments_start ON appointments (practitioner_id, starts_at, id);
CREATE INDEX appointments_clinic ON appointments (starts_at, practitioner_id, id);

-- owner: scheduling
-- The patient's side of appointments, written in the same transactions.
CREATE TABLE patient_calendar (
    patient_id      UUID   NOT NULL,
    appointment_id  UUID   NOT NULL,
    practitioner_id UUID   NOT NULL,
    starts_at       BIGINT NOT NULL,
    ends_at         BIGINT NOT NULL,
    status          TEXT   NOT NULL,
    hold_expires_at BIGINT,
    PRIMARY KEY (patient_id, appointment_id)
);
CREATE INDEX patient_calendar_start ON patient_calendar (patient_id, starts_at, practitioner_id, appointment_id);

-- owner: scheduling
CREATE TABLE waitlist (
    patient_id      UUID   NOT NULL,
    id              UUID   NOT NULL,
    practitioner_id UUID   NOT NULL,
    starts_at       BIGINT NOT NULL,
    ends_at         BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (patient_id, id),
    CHECK (ends_at > starts_at)
);
CREATE INDEX waitlist_practitioner ON waitlist (practitioner_id, starts_at);

-- +goose Down
-- There is no way back from the first schema but a backup.
SELECT 1;
