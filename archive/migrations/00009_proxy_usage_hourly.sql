-- +goose NO TRANSACTION
-- +goose Up
-- What went through the proxy, from its own log.
CREATE TABLE IF NOT EXISTS proxy_usage_hourly (
	day DATE NOT NULL,
	hour TINYINT UNSIGNED NOT NULL,
	host VARBINARY(16) NOT NULL,
	bytes BIGINT UNSIGNED NOT NULL,
	requests BIGINT UNSIGNED NOT NULL,
	PRIMARY KEY (day, hour, host)
);
