-- +goose NO TRANSACTION
-- +goose Up
-- What was packed, and what is being packed or unpacked. `token` is of the
-- attempt; `disturbed` says that rows came after its copy was made; `again`
-- that a month was unpacked for a late file and is to be packed again. Figures
-- are of the month's table when it was packed, sizes in bytes, `took` in
-- milliseconds, times UTC.
CREATE TABLE IF NOT EXISTS month_packs (
	month CHAR(7) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	state ENUM('packing', 'switching', 'packed', 'unpacking', 'unpacked', 'dropping', 'dropped') NOT NULL,
	token VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	disturbed BOOLEAN NOT NULL,
	again BOOLEAN NOT NULL,
	method VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	row_count BIGINT UNSIGNED NOT NULL,
	flows BIGINT UNSIGNED NOT NULL,
	live_bytes BIGINT UNSIGNED NOT NULL,
	packed_bytes BIGINT UNSIGNED NOT NULL,
	took BIGINT UNSIGNED NOT NULL,
	problem TEXT NOT NULL,
	started DATETIME NOT NULL,
	verified DATETIME NULL,
	finished DATETIME NULL,
	PRIMARY KEY (month)
);
