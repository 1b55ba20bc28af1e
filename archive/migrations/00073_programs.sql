-- +goose NO TRANSACTION
-- +goose Up
-- Which nfacct brought the schema to a version first: what an older one names when it
-- refuses a database that is newer than it.
CREATE TABLE IF NOT EXISTS programs (
	schema_version BIGINT NOT NULL,
	program VARCHAR(190) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	PRIMARY KEY (schema_version)
);
