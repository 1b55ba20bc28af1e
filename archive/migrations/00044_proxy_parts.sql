-- +goose NO TRANSACTION
-- +goose Up
-- The parts of logs that were read, in bytes of the unpacked log. A log goes on
-- where its last part ended; the digest is of the bytes before that. cut_from and
-- cut_until are the times between which entries may be missing, when the log was cut
-- off before this part after it had been read.
CREATE TABLE IF NOT EXISTS proxy_parts (
	id INT UNSIGNED NOT NULL AUTO_INCREMENT,
	log INT UNSIGNED NOT NULL,
	start BIGINT UNSIGNED NOT NULL,
	end BIGINT UNSIGNED NOT NULL,
	tail_length INT UNSIGNED NOT NULL,
	tail_digest BINARY(32) NOT NULL,
	line_count BIGINT UNSIGNED NOT NULL,
	bad_lines BIGINT UNSIGNED NOT NULL,
	last_entry DATETIME NULL,
	cut_from DATETIME NULL,
	cut_until DATETIME NULL,
	state ENUM('loading', 'loaded') NOT NULL,
	started DATETIME NOT NULL,
	PRIMARY KEY (id),
	KEY log (log)
);
