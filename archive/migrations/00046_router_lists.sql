-- +goose NO TRANSACTION
-- +goose Up
-- What was on a router's address lists from an instant (UTC) on: addresses,
-- networks, ranges and names as the router writes them, with commas. Only lists
-- that departments or quotas are made of.
CREATE TABLE IF NOT EXISTS router_lists (
	router SMALLINT UNSIGNED NOT NULL,
	list VARCHAR(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	valid_from DATETIME NOT NULL,
	entries MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	PRIMARY KEY (router, list, valid_from)
);
