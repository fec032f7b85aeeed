INSERT INTO notification_settings (user_id, language, quiet_from, quiet_to, version) VALUES ('01890a5d-ac96-774b-bcce-b302099a8001', 'de', '22:00', '07:00', 1);
INSERT INTO notification_preferences (user_id, kind, channel) VALUES ('01890a5d-ac96-774b-bcce-b302099a8001', 'reminder', 'sms');
INSERT INTO push_subscriptions (user_id, id, digest, sealed, created_at) VALUES ('01890a5d-ac96-774b-bcce-b302099a8001', '01890a5d-ac96-774b-bcce-b302099a8014', 'hash', 'sealed', 1);
