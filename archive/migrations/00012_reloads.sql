-- +goose NO TRANSACTION
-- +goose Up
-- The day that was loaded again, from when its new rows, books and all are on
-- disk until they have taken the place of the old ones.
CREATE TABLE IF NOT EXISTS reloads (
	day DATE NOT NULL,
	started DATETIME NOT NULL,
	PRIMARY KEY (day)
);
