-- In how many of a lane's versions no line that was there before has changed: whoever has a copy of an older one, and
-- nothing else has happened since, reads only what came after.
ALTER TABLE lane ADD COLUMN grown INTEGER NOT NULL DEFAULT 0;
