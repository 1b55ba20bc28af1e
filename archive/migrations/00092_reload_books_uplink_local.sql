-- +goose NO TRANSACTION
-- +goose Up
-- Of the class router_local the bytes that an outside interface counted: tunnels.
-- Asked first, because a migration that was cut short runs again, and MySQL has no
-- ADD COLUMN IF NOT EXISTS.
SET @add = IF((SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'reload_books' AND COLUMN_NAME = 'uplink_local_bytes') > 0, 'DO 0',
	'ALTER TABLE reload_books ADD COLUMN uplink_local_bytes BIGINT UNSIGNED NOT NULL DEFAULT 0');
PREPARE addition FROM @add;
EXECUTE addition;
DEALLOCATE PREPARE addition;
