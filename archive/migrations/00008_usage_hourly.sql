-- +goose NO TRANSACTION
-- +goose Up
-- Sums of the month tables, computed again from them for every hour that a load
-- touched. `hour` counts from the day's first instant, 0 to 24.
CREATE TABLE IF NOT EXISTS usage_hourly (
	day DATE NOT NULL,
	hour TINYINT UNSIGNED NOT NULL,
	router SMALLINT UNSIGNED NOT NULL,
	host VARBINARY(16) NOT NULL,
	up_bytes BIGINT UNSIGNED NOT NULL,
	down_bytes BIGINT UNSIGNED NOT NULL,
	up_packets BIGINT UNSIGNED NOT NULL,
	down_packets BIGINT UNSIGNED NOT NULL,
	flows BIGINT UNSIGNED NOT NULL,
	PRIMARY KEY (day, hour, router, host)
);
