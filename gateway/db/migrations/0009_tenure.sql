-- What one process at a time may do, under a name: hear an account, keep house. Good until a time unless renewed.
CREATE TABLE tenure (
  name TEXT PRIMARY KEY,
  holder TEXT NOT NULL,
  until INTEGER NOT NULL
);
