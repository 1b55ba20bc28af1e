-- +goose NO TRANSACTION
-- +goose Up
-- The checksum over each month's rows, as the server kept it while they were
-- loaded; NULL while rows change. damage says what was found altered since.
CREATE TABLE IF NOT EXISTS month_sums (
	month CHAR(7) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	row_count BIGINT UNSIGNED NOT NULL,
	checksum BIGINT UNSIGNED NULL,
	damage TEXT NOT NULL,
	noticed DATETIME NULL,
	PRIMARY KEY (month)
);
