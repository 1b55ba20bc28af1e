-- +goose NO TRANSACTION
-- +goose Up
-- usage_hourly summed by host and day, for long periods and for who was seen
-- first when. `busiest_hour` counts as usage_hourly.hour.
CREATE TABLE IF NOT EXISTS host_days (
	day DATE NOT NULL,
	host VARBINARY(16) NOT NULL,
	up_bytes BIGINT UNSIGNED NOT NULL,
	down_bytes BIGINT UNSIGNED NOT NULL,
	flows BIGINT UNSIGNED NOT NULL,
	busiest_hour TINYINT UNSIGNED NOT NULL,
	busiest_bytes BIGINT UNSIGNED NOT NULL,
	PRIMARY KEY (day, host),
	KEY host (host, day)
);
