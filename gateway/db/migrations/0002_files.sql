-- Files that clients have uploaded. The content is kept once, in a file named by its SHA-256; what no message names
-- within a day is deleted.
CREATE TABLE file (
  id TEXT PRIMARY KEY,
  session TEXT NOT NULL REFERENCES session (id),
  name TEXT NOT NULL,
  mime TEXT NOT NULL,
  size INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  attached INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX file_session ON file (session);
CREATE INDEX file_sha256 ON file (sha256);
CREATE INDEX file_loose ON file (created_at) WHERE attached = 0;
