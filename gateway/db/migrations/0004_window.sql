-- When somebody last wrote to an account of ours in a chat, for platforms that let us speak only so long after it.
CREATE TABLE heard (
  channel TEXT NOT NULL,
  account TEXT NOT NULL,
  chat TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (channel, account, chat)
);
