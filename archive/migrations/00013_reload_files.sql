-- +goose NO TRANSACTION
-- +goose Up
-- The files that a day being loaded again is made of.
CREATE TABLE IF NOT EXISTS reload_files (
	day DATE NOT NULL,
	import INT UNSIGNED NOT NULL,
	done BOOLEAN NOT NULL,
	PRIMARY KEY (day, import)
);
