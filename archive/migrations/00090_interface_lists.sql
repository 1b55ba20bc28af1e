-- +goose NO TRANSACTION
-- +goose Up
-- The names of the interfaces that were in a router's interface list from an
-- instant (UTC) on, as JSON. Lists of more than 64 members are no uplinks, and are
-- not kept.
CREATE TABLE IF NOT EXISTS interface_lists (
	router SMALLINT UNSIGNED NOT NULL,
	list VARCHAR(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	valid_from DATETIME NOT NULL,
	members MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	PRIMARY KEY (router, list, valid_from)
);
