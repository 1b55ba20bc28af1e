-- +goose NO TRANSACTION
-- +goose Up
-- Whom a host talked with on a day. `peer_set` has all peers (see peerSet in
-- package archive), `top_peers` and `services` the biggest as JSON: [peer, up
-- bytes, down bytes] and [protocol, peer's port, up bytes, down bytes].
CREATE TABLE IF NOT EXISTS host_day_peers (
	day DATE NOT NULL,
	host VARBINARY(16) NOT NULL,
	peers INT UNSIGNED NOT NULL,
	peer_set LONGBLOB NOT NULL,
	top_peers MEDIUMBLOB NOT NULL,
	services MEDIUMBLOB NOT NULL,
	PRIMARY KEY (day, host)
);
