-- +goose NO TRANSACTION
-- +goose Up
-- The tables of days (flows_2026_11_23). `key_state`: 'off' while files of the day
-- are expected, 'making' while its keys are made, 'on' after that. `checksum` is the
-- one over all rows, as the server kept it while they were loaded; NULL while rows
-- change. `damage` says what was found altered since.
CREATE TABLE IF NOT EXISTS day_tables (
	day DATE NOT NULL,
	key_state ENUM('off', 'making', 'on') NOT NULL,
	row_count BIGINT UNSIGNED NOT NULL,
	checksum BIGINT UNSIGNED NULL,
	damage TEXT NOT NULL,
	PRIMARY KEY (day)
);
