-- +goose NO TRANSACTION
-- +goose Up
-- Mails by report, period, department ('' is all) and recipient, so that none is
-- sent twice. Times are UTC. claimed is when the last try began, next when
-- another one is due.
CREATE TABLE IF NOT EXISTS mails (
	id INT UNSIGNED NOT NULL AUTO_INCREMENT,
	report VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	period VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	department VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	recipient VARCHAR(254) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	message_id VARCHAR(190) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	state ENUM('waiting', 'sending', 'sent', 'failed') NOT NULL,
	attempts INT UNSIGNED NOT NULL,
	problem TEXT NOT NULL,
	created DATETIME NOT NULL,
	claimed DATETIME NULL,
	next DATETIME NOT NULL,
	sent DATETIME NULL,
	PRIMARY KEY (id),
	UNIQUE KEY mail (report, period, department, recipient)
);
