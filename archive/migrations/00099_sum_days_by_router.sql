-- +goose NO TRANSACTION
-- +goose Up
-- The days that were summed up before have no host_day_routers yet: they are summed
-- up once more, when the next report asks for them.
UPDATE day_states SET usage_stamp = '';
