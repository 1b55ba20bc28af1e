-- +goose NO TRANSACTION
-- +goose Up
-- Until when (UTC) a source called a host so; NULL while it does, and of names that
-- were noted before ends were. Asked first, as in 00050.
SET @add = IF((SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'host_names' AND COLUMN_NAME = 'valid_to') > 0, 'DO 0',
	'ALTER TABLE host_names ADD COLUMN valid_to DATETIME NULL');
PREPARE addition FROM @add;
EXECUTE addition;
DEALLOCATE PREPARE addition;
