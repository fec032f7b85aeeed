-- What waits to be sent is counted now and then for those who watch the server run,
-- without a look at what was sent in the months before.

-- +goose Up

CREATE INDEX notifications_pending ON notifications (updated_at, channel) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (updated_at) WHERE status = 'pending';

-- +goose Down
-- There is no way back but a backup.
SELECT 1;
