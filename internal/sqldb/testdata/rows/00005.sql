INSERT INTO patient_search (patient_id, name) VALUES ('01890a5d-ac96-774b-bcce-b302099a8001', 'ann lee');
