-- +goose NO TRANSACTION
-- +goose Up
-- Scheduled jobs, by the period that a run is responsible for. Times are UTC.
CREATE TABLE IF NOT EXISTS runs (
	job VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	period VARCHAR(60) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	state ENUM('running', 'done', 'failed') NOT NULL,
	attempts INT UNSIGNED NOT NULL,
	problem TEXT NOT NULL,
	started DATETIME NOT NULL,
	finished DATETIME NULL,
	PRIMARY KEY (job, period)
);
