-- +goose NO TRANSACTION
-- +goose Up
-- What went through the proxy, from its own log, by the part of the log that was
-- read at once (proxy_parts). `host` is empty when the log has names instead of
-- addresses, `user` when nobody said who it was.
CREATE TABLE IF NOT EXISTS proxy_usage_hourly (
	day DATE NOT NULL,
	hour TINYINT UNSIGNED NOT NULL,
	host VARBINARY(16) NOT NULL,
	user VARCHAR(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	part INT UNSIGNED NOT NULL,
	bytes BIGINT UNSIGNED NOT NULL,
	requests BIGINT UNSIGNED NOT NULL,
	denied BIGINT UNSIGNED NOT NULL,
	PRIMARY KEY (day, hour, host, user, part),
	KEY part (part)
);
