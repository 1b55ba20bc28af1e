-- +goose NO TRANSACTION
-- +goose Up
-- What a router called the interface of an ifIndex, from an instant (UTC) on.
CREATE TABLE IF NOT EXISTS interfaces (
	router SMALLINT UNSIGNED NOT NULL,
	ifindex INT UNSIGNED NOT NULL,
	valid_from DATETIME NOT NULL,
	name VARCHAR(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	PRIMARY KEY (router, ifindex, valid_from)
);
