-- +goose NO TRANSACTION
-- +goose Up
-- The files that are being taken out again, from before the first of their days is
-- loaded without them until nothing is left of them.
CREATE TABLE IF NOT EXISTS forgets (
	import INT UNSIGNED NOT NULL,
	PRIMARY KEY (import)
);
