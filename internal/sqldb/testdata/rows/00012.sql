INSERT INTO known_devices (user_id, digest, seen_at) VALUES ('01890a5d-ac96-774b-bcce-b302099a8001', 'hash', 1);
