-- +goose NO TRANSACTION
-- +goose Up
-- What the outside interfaces of a router had counted at an instant (UTC), to
-- hold flows against: bytes with layer 2, in and out.
CREATE TABLE IF NOT EXISTS interface_counters (
	router SMALLINT UNSIGNED NOT NULL,
	ifindex INT UNSIGNED NOT NULL,
	at DATETIME NOT NULL,
	rx_bytes BIGINT UNSIGNED NOT NULL,
	tx_bytes BIGINT UNSIGNED NOT NULL,
	PRIMARY KEY (router, ifindex, at)
);
