-- +goose NO TRANSACTION
-- +goose Up
-- Files of logs as they were when they were read to their end, so that none is
-- unpacked for nothing. `modified` is in nanoseconds since 1970.
CREATE TABLE IF NOT EXISTS proxy_files (
	digest BINARY(32) NOT NULL,
	path VARCHAR(4096) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	inode BIGINT UNSIGNED NOT NULL,
	size BIGINT UNSIGNED NOT NULL,
	modified BIGINT NOT NULL,
	PRIMARY KEY (digest)
);
