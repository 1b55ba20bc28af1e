-- +goose NO TRANSACTION
-- +goose Up
-- The checksum over each month's rows, as the server kept it while they were
-- loaded; NULL while rows change. damage says what was found altered since.
CREATE TABLE IF NOT EXISTS month_sums (
	month CHAR(7) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	row_count BIGINT UNSIGNED NOT NULL,
	checksum BIGINT UNSIGNED NULL,
	damage TEXT NOT NULL,
	PRIMARY KEY (month)
);

-- The days whose rows were not all loaded again since damage was found in their
-- month.
CREATE TABLE IF NOT EXISTS altered_days (
	day DATE NOT NULL,
	PRIMARY KEY (day)
);
