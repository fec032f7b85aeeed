-- Indexes by which the audit trail is read, the newest first. Each record is
-- written once into each of them, so each is for what is asked for alone:
--   all                    the trail as it went on
--   actor                  what somebody did
--   deed                   how somebody did one thing
--   action, type           what was done, and to which kind of thing
--   resource               what happened to one thing; lists have none
--   refused                the few records of what did not work
--   audit_patients_time    who looked at a patient's data
-- What is asked for together with one of these is read along that index. Columns
-- after id are not for the order: they let an engine pass over what an actor, an
-- action or a refusal has too much of without looking at the rows. With 10
-- million records, an action and a type that do not go together took seven
-- seconds without them. Somebody's deeds have an index of their own, for the two
-- are often asked for together, and who did most has done some things never.

-- +goose Up

CREATE INDEX audit_events_all ON audit_events (at, id);
DROP INDEX audit_events_actor;
CREATE INDEX audit_events_actor ON audit_events (actor_id, at, id, resource_type);
CREATE INDEX audit_events_deed ON audit_events (actor_id, action, at, id);
CREATE INDEX audit_events_action ON audit_events (action, at, id, resource_type);
CREATE INDEX audit_events_type ON audit_events (resource_type, at, id);
CREATE INDEX audit_events_resource ON audit_events (resource_id, at, id) WHERE resource_id <> '';
CREATE INDEX audit_events_refused ON audit_events (at, id, outcome, actor_id, action, resource_type) WHERE outcome <> 'success';

DROP INDEX audit_patients_time;
CREATE INDEX audit_patients_time ON audit_patients (patient_id, at, event_id);

-- +goose Down
-- There is no way back but a backup.
SELECT 1;
