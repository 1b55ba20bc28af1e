-- +goose NO TRANSACTION
-- +goose Up
-- The class of records whose counters cannot be true, what was found odd, and
-- records by the rule of attribution, the last two as JSON; NULL in books of before.
-- Asked first, because a migration that was cut short runs again, and MySQL has no
-- ADD COLUMN IF NOT EXISTS.
SET @add = IF((SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'books' AND COLUMN_NAME = 'implausible_records') > 0, 'DO 0',
	'ALTER TABLE books ADD COLUMN implausible_records BIGINT UNSIGNED NOT NULL DEFAULT 0, ADD COLUMN implausible_bytes BIGINT UNSIGNED NOT NULL DEFAULT 0, ADD COLUMN findings MEDIUMTEXT NULL, ADD COLUMN rules TEXT NULL');
PREPARE addition FROM @add;
EXECUTE addition;
DEALLOCATE PREPARE addition;
