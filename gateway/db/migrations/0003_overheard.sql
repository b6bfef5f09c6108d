-- What was said in groups and not to the bot, for the next turn of the lane of that key. Bounded for each key.
CREATE TABLE overheard (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL,
  channel TEXT NOT NULL,
  account TEXT NOT NULL,
  chat TEXT NOT NULL,
  sender TEXT NOT NULL,
  name TEXT NOT NULL,
  text TEXT NOT NULL,
  ref TEXT NOT NULL,
  at INTEGER NOT NULL
);
CREATE INDEX overheard_key ON overheard (key, id);
CREATE INDEX overheard_chat ON overheard (channel, account, chat);
