-- +goose NO TRANSACTION
-- +goose Up
-- usage_hourly summed by day, router and host, as host_days are: two branches may
-- have hosts of the same addresses. `weak_bytes` are those of `down_bytes` in rows
-- that rest on the next hop or on the uploads that they answer.
CREATE TABLE IF NOT EXISTS host_day_routers (
	day DATE NOT NULL,
	router SMALLINT UNSIGNED NOT NULL,
	host VARBINARY(16) NOT NULL,
	up_bytes BIGINT UNSIGNED NOT NULL,
	down_bytes BIGINT UNSIGNED NOT NULL,
	weak_bytes BIGINT UNSIGNED NOT NULL DEFAULT 0,
	PRIMARY KEY (day, router, host)
);
