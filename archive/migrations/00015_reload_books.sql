-- +goose NO TRANSACTION
-- +goose Up
-- The books-to-be of the day that is being loaded again: columns as in `books`.
CREATE TABLE IF NOT EXISTS reload_books LIKE books;
