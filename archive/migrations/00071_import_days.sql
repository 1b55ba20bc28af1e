-- +goose NO TRANSACTION
-- +goose Up
-- How many rows a day's table had before a file that is being loaded: the point that
-- recovery cuts it back to. `made` says that the file made the table.
CREATE TABLE IF NOT EXISTS import_days (
	import INT UNSIGNED NOT NULL,
	day DATE NOT NULL,
	rows_before BIGINT UNSIGNED NOT NULL,
	made BOOLEAN NOT NULL,
	PRIMARY KEY (import, day)
);
