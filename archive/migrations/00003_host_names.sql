-- +goose NO TRANSACTION
-- +goose Up
-- What a source (lease, dns, config) called a host, from a local day on. A host
-- that changed hands has several names of one day.
CREATE TABLE IF NOT EXISTS host_names (
	host VARBINARY(16) NOT NULL,
	source VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	valid_from DATE NOT NULL,
	name VARCHAR(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	id INT UNSIGNED NOT NULL AUTO_INCREMENT,
	PRIMARY KEY (id),
	UNIQUE KEY host (host, source, valid_from, name)
);
