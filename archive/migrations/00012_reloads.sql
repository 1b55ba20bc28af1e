-- +goose NO TRANSACTION
-- +goose Up
-- Days that are being loaded again.
CREATE TABLE IF NOT EXISTS reloads (
	day DATE NOT NULL,
	started DATETIME NOT NULL,
	PRIMARY KEY (day)
);
