-- +goose NO TRANSACTION
-- +goose Up
-- Mails by report, period, department ('' is all) and recipient, so that none is
-- sent twice; addresses that differ in case alone are one. asked is 1 for what a
-- person wanted for just this recipient. Times are UTC. claimed is when the last
-- try began, claimer the connection that tries, next when another try is due,
-- refused when the first one of this recipient alone failed.
CREATE TABLE IF NOT EXISTS mails (
	id INT UNSIGNED NOT NULL AUTO_INCREMENT,
	report VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	period VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	department VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	recipient VARCHAR(254) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL,
	asked TINYINT NOT NULL,
	message_id VARCHAR(190) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	state ENUM('waiting', 'sending', 'sent', 'failed', 'dropped') NOT NULL,
	attempts INT UNSIGNED NOT NULL,
	problem TEXT NOT NULL,
	created DATETIME NOT NULL,
	claimed DATETIME NULL,
	claimer BIGINT UNSIGNED NOT NULL DEFAULT 0,
	refused DATETIME NULL,
	next DATETIME NOT NULL,
	sent DATETIME NULL,
	PRIMARY KEY (id),
	UNIQUE KEY mail (report, period, department, recipient)
);
