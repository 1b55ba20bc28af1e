-- +goose NO TRANSACTION
-- +goose Up
-- What a router said of itself that accounting needs, from an instant (UTC) on:
-- ifIndex numbers, prefixes and addresses as lists with commas.
CREATE TABLE IF NOT EXISTS router_facts (
	router SMALLINT UNSIGNED NOT NULL,
	valid_from DATETIME NOT NULL,
	version VARCHAR(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	wan TEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	inside MEDIUMTEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	own MEDIUMTEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	inner_routers MEDIUMTEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	sampling DOUBLE NOT NULL,
	PRIMARY KEY (router, valid_from)
);
