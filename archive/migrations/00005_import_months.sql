-- +goose NO TRANSACTION
-- +goose Up
-- How many rows a month table had before a file that is being loaded: the point
-- that recovery cuts it back to.
CREATE TABLE IF NOT EXISTS import_months (
	import INT UNSIGNED NOT NULL,
	month CHAR(7) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	rows_before BIGINT UNSIGNED NOT NULL,
	PRIMARY KEY (import, month)
);
