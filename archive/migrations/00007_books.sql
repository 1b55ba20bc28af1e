-- +goose NO TRANSACTION
-- +goose Up
-- One file's part of a router's day. `rejected` and `excluded` are JSON, as in
-- `nfacct books --json`.
CREATE TABLE IF NOT EXISTS books (
	import INT UNSIGNED NOT NULL,
	day DATE NOT NULL,
	router SMALLINT UNSIGNED NOT NULL,
	datagrams BIGINT UNSIGNED NOT NULL,
	records BIGINT UNSIGNED NOT NULL,
	bytes BIGINT UNSIGNED NOT NULL,
	lost_records BIGINT UNSIGNED NOT NULL,
	lost_datagrams BIGINT UNSIGNED NOT NULL,
	lost_estimated BOOLEAN NOT NULL,
	estimated BOOLEAN NOT NULL,
	kernel_dropped BIGINT UNSIGNED NOT NULL,
	spool_lost BIGINT UNSIGNED NOT NULL,
	no_template BIGINT UNSIGNED NOT NULL,
	up_records BIGINT UNSIGNED NOT NULL,
	up_bytes BIGINT UNSIGNED NOT NULL,
	down_records BIGINT UNSIGNED NOT NULL,
	down_bytes BIGINT UNSIGNED NOT NULL,
	router_local_records BIGINT UNSIGNED NOT NULL,
	router_local_bytes BIGINT UNSIGNED NOT NULL,
	internal_records BIGINT UNSIGNED NOT NULL,
	internal_bytes BIGINT UNSIGNED NOT NULL,
	transit_records BIGINT UNSIGNED NOT NULL,
	transit_bytes BIGINT UNSIGNED NOT NULL,
	unattributed_records BIGINT UNSIGNED NOT NULL,
	unattributed_bytes BIGINT UNSIGNED NOT NULL,
	loaded_records BIGINT UNSIGNED NOT NULL,
	loaded_bytes BIGINT UNSIGNED NOT NULL,
	loaded_rows BIGINT UNSIGNED NOT NULL,
	rejected TEXT NOT NULL,
	excluded TEXT NOT NULL,
	PRIMARY KEY (import, day, router),
	KEY day (day, router)
);
