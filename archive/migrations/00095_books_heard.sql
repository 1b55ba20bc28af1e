-- +goose NO TRANSACTION
-- +goose Up
-- The hours of the day, bit by bit from its first, that records ended in, whatever
-- their class; 0 in books of before. Asked first, as in 00050.
SET @add = IF((SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'books' AND COLUMN_NAME = 'heard_hours') > 0, 'DO 0',
	'ALTER TABLE books ADD COLUMN heard_hours INT UNSIGNED NOT NULL DEFAULT 0');
PREPARE addition FROM @add;
EXECUTE addition;
DEALLOCATE PREPARE addition;
