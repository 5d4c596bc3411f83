-- Of an engine that leased whole endpoints: nothing reads or writes these any more.
DROP INDEX endpoints_turn;
ALTER TABLE endpoints DROP COLUMN busy_until, DROP COLUMN turn;
