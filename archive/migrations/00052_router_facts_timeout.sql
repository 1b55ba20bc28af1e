-- +goose NO TRANSACTION
-- +goose Up
-- After how many seconds the router exports a flow that goes on; 0 is not known.
-- Asked first, as in 00050.
SET @add = IF((SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'router_facts' AND COLUMN_NAME = 'active_timeout') > 0, 'DO 0',
	'ALTER TABLE router_facts ADD COLUMN active_timeout INT UNSIGNED NOT NULL DEFAULT 0');
PREPARE addition FROM @add;
EXECUTE addition;
DEALLOCATE PREPARE addition;
