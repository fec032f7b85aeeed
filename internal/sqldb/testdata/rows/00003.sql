INSERT INTO audit_leaves (seq, event_id, hash) VALUES (0, '01890a5d-ac96-774b-bcce-b302099a8006', 'hash');
INSERT INTO audit_tree (id, size, peaks) VALUES (1, 1, 'hash');
INSERT INTO audit_checkpoints (size, note, at) VALUES (1, 'note', 1);
INSERT INTO audit_pending (event_id) VALUES ('01890a5d-ac96-774b-bcce-b302099a8019');
