-- +goose NO TRANSACTION
-- +goose Up
-- The hours whose rollups a file that is being loaded changes.
CREATE TABLE IF NOT EXISTS import_hours (
	import INT UNSIGNED NOT NULL,
	day DATE NOT NULL,
	hour TINYINT UNSIGNED NOT NULL,
	PRIMARY KEY (import, day, hour)
);
