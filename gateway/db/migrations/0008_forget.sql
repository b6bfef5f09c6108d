-- When somebody asked to be forgotten: their yes must come soon after it.
ALTER TABLE participant ADD COLUMN forget_asked_at INTEGER;
