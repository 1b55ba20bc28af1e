-- +goose NO TRANSACTION
-- +goose Up
-- The files of the day that is being loaded again which are loaded so far, with
-- what will be their `memory` in imports.
CREATE TABLE IF NOT EXISTS reload_files (
	import INT UNSIGNED NOT NULL,
	memory MEDIUMBLOB NULL,
	PRIMARY KEY (import)
);
