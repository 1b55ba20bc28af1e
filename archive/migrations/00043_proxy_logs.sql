-- +goose NO TRANSACTION
-- +goose Up
-- Logs of the proxy, each known by how it begins, whatever it is called today; and
-- one that was cut off inside that, by its first entry.
CREATE TABLE IF NOT EXISTS proxy_logs (
	id INT UNSIGNED NOT NULL AUTO_INCREMENT,
	head_length INT UNSIGNED NOT NULL,
	head_digest BINARY(32) NOT NULL,
	first_digest BINARY(32) NOT NULL,
	PRIMARY KEY (id),
	KEY head (head_digest)
);
