-- +goose NO TRANSACTION
-- +goose Up
-- What a source (lease, dns, config) called a host, from an instant (UTC) on.
CREATE TABLE IF NOT EXISTS host_names (
	host VARBINARY(16) NOT NULL,
	source VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	valid_from DATETIME NOT NULL,
	name VARCHAR(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	PRIMARY KEY (host, source, valid_from)
);
