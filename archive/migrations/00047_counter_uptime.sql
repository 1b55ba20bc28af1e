-- +goose NO TRANSACTION
-- +goose Up
-- How long the router had been up at a reading, in seconds: a restart between two
-- readings does not always show in what its interfaces have counted since.
ALTER TABLE interface_counters ADD COLUMN uptime INT UNSIGNED NULL;
