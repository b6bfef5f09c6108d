-- How much of a shared conversation's pace each of its speakers has used lately, as JSON.
ALTER TABLE lane ADD COLUMN speakers TEXT;
