-- +goose NO TRANSACTION
-- +goose Up
-- The files that were loaded. `rules` is what each rule left out, as JSON;
-- `row_count` what was written to the month tables; `memory` what the importer
-- must know to read the file again. Times are UTC.
CREATE TABLE IF NOT EXISTS imports (
	id INT UNSIGNED NOT NULL AUTO_INCREMENT,
	file VARCHAR(4096) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	size BIGINT UNSIGNED NOT NULL,
	digest BINARY(32) NOT NULL,
	records BIGINT UNSIGNED NOT NULL DEFAULT 0,
	row_count BIGINT UNSIGNED NOT NULL DEFAULT 0,
	no_template BIGINT UNSIGNED NOT NULL DEFAULT 0,
	rules TEXT NOT NULL,
	problem TEXT NOT NULL,
	memory MEDIUMBLOB NULL,
	state ENUM('loading', 'loaded') NOT NULL,
	started DATETIME NOT NULL,
	finished DATETIME(6) NULL,
	PRIMARY KEY (id),
	UNIQUE KEY digest (digest),
	KEY file (file(150)),
	KEY state (state)
);
