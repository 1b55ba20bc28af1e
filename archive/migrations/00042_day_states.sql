-- +goose NO TRANSACTION
-- +goose Up
-- What host_days and host_day_peers of a day were computed from: a digest of the
-- files that were loaded then. Another one says that they are out of date.
CREATE TABLE IF NOT EXISTS day_states (
	day DATE NOT NULL,
	usage_stamp CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
	peers_stamp CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '',
	PRIMARY KEY (day)
);
