-- +goose NO TRANSACTION
-- +goose Up
-- Mails by what they are about and to whom, so that none is sent twice. Times
-- are UTC.
CREATE TABLE IF NOT EXISTS mails (
	id INT UNSIGNED NOT NULL AUTO_INCREMENT,
	subject VARCHAR(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	recipient VARCHAR(120) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	message_id VARCHAR(190) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	state ENUM('waiting', 'sent', 'failed') NOT NULL,
	attempts INT UNSIGNED NOT NULL,
	problem TEXT NOT NULL,
	created DATETIME NOT NULL,
	sent DATETIME NULL,
	PRIMARY KEY (id),
	UNIQUE KEY mail (subject, recipient)
);
