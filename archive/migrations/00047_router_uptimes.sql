-- +goose NO TRANSACTION
-- +goose Up
-- How long a router had been up, in seconds, when its counters were read at an
-- instant (UTC): a restart between two readings does not always show in what its
-- interfaces have counted since.
CREATE TABLE IF NOT EXISTS router_uptimes (
	router SMALLINT UNSIGNED NOT NULL,
	at DATETIME NOT NULL,
	uptime INT UNSIGNED NOT NULL,
	PRIMARY KEY (router, at)
);
