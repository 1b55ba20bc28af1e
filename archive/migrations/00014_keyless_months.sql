-- +goose NO TRANSACTION
-- +goose Up
-- Month tables whose keys are switched off while much is loaded into them.
CREATE TABLE IF NOT EXISTS keyless_months (
	month CHAR(7) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	PRIMARY KEY (month)
);
