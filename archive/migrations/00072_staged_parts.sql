-- +goose NO TRANSACTION
-- +goose Up
-- The tables whose rows are in the staging table of a month that is being packed,
-- with their rows and checksum then: a pack that was cut short goes on behind them.
CREATE TABLE IF NOT EXISTS staged_parts (
	month CHAR(7) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	part VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	row_count BIGINT UNSIGNED NOT NULL,
	checksum BIGINT UNSIGNED NOT NULL,
	PRIMARY KEY (month, part)
);
