-- Who said that a conversation has done its work or has not (bot, user, operator), and when.
ALTER TABLE session ADD COLUMN resolved_by TEXT;
ALTER TABLE session ADD COLUMN resolved_at INTEGER;
