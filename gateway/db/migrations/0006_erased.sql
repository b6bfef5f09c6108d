-- Who was erased, as a hash that leads back to nobody. `participant` is set while the work goes on, so that it is
-- finished after a crash; `counts` is what has gone, as JSON.
CREATE TABLE erased (
  person BLOB PRIMARY KEY,
  participant TEXT,
  asked_at INTEGER NOT NULL,
  done_at INTEGER,
  counts TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX erased_going_on ON erased (participant) WHERE participant IS NOT NULL;
