INSERT INTO clinic (id, name, time_zone, version, updated_at) VALUES (1, 'Clinic', 'UTC', 1, 1);
